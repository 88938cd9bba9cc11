import { randomBytes } from 'node:crypto'
import { rmSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** More than one pruning writes. */
const reserveBytes = 8 << 20
/** The database's log and what a checkpoint copies from it fit into it. */
const roomyBytes = 64 << 20

/**
 * Room on the disk that is given up when there is no other: SQLite has to write before it can free anything, so a journal that has
 * filled its disk could not even be pruned of what everybody has. The room is for that: nothing else is saved until it is held again.
 */
export class DiskReserve {
  readonly #file: string
  readonly #onGiven: () => void
  #isHeld = false
  #isSpent = false

  /** `onGiven` makes the first use of the room. */
  constructor (file: string, onGiven: () => void) {
    this.#file = file
    this.#onGiven = onGiven
  }

  get isHeld (): boolean {
    return this.#isHeld
  }

  /** It was given up, and there is not enough room yet to take it again. */
  get isSpent (): boolean {
    return this.#isSpent
  }

  /** Whether the disk has so much more that nobody needs to save. */
  get isRoomy (): boolean {
    return this.#isHeld && this.#freeBytes() >= roomyBytes
  }

  #freeBytes (): number {
    const { bavail, bsize } = statfsSync(dirname(this.#file))
    return bavail * bsize
  }

  /** Takes the room again if there is twice as much: others need some, too. */
  hold (): void {
    if (this.#isHeld) return
    try {
      if (statSync(this.#file, { throwIfNoEntry: false })?.size !== reserveBytes) {
        if (this.#freeBytes() < 2 * reserveBytes) return
        // what cannot be compressed: some file systems keep no zeros
        writeFileSync(this.#file, randomBytes(reserveBytes))
      }
      this.#isHeld = true
      this.#isSpent = false
    } catch {
      rmSync(this.#file, { force: true })
    }
  }

  /** Gives it up, if it is held. */
  give (): void {
    this.#isSpent ||= this.#isHeld
    this.#isHeld = false
    rmSync(this.#file, { force: true })
    this.#onGiven()
  }
}
