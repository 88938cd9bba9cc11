import { randomBytes } from 'node:crypto'
import { rmSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { codeOf } from '../errors.js'

/** More than one pruning writes. */
const reserveBytes = 8 << 20
/** So much has to be free for it to be taken: others need some, too. */
export const reserveNeedsBytes = reserveBytes + (1 << 20)
/** Of two saves, what a log has at most that is copied in time. */
const tightBytes = 16 << 20
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

  /** There is not enough room to take it. */
  get isSpent (): boolean {
    return this.#isSpent
  }

  /** Whether the disk will soon be full: what is in the database's log may have no room in its file. */
  get isTight (): boolean {
    return this.#isHeld && this.#freeBytes() < tightBytes
  }

  /** Whether the disk has so much more that nobody needs to save. */
  get isRoomy (): boolean {
    return this.#isHeld && this.#freeBytes() >= roomyBytes
  }

  #freeBytes (): number {
    const { bavail, bsize } = statfsSync(dirname(this.#file))
    return bavail * bsize
  }

  /** Takes the room, if there is enough. */
  hold (): void {
    if (this.#isHeld) return
    try {
      if (statSync(this.#file, { throwIfNoEntry: false })?.size !== reserveBytes) {
        this.#isSpent = this.#freeBytes() < reserveNeedsBytes
        if (this.#isSpent) return
        // what cannot be compressed: some file systems keep no zeros
        writeFileSync(this.#file, randomBytes(reserveBytes))
      }
      this.#isHeld = true
      this.#isSpent = false
    } catch (error) {
      this.#isSpent = codeOf(error) === 'ENOSPC' || codeOf(error) === 'EDQUOT'
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
