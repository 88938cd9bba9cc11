import { randomBytes } from 'node:crypto'
import { rmSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** More than one pruning writes. */
const reserveBytes = 8 << 20

/**
 * Room on the disk that is given up when there is no other: SQLite has to write before it can free anything, so a journal that has
 * filled its disk could not even be pruned of what everybody has.
 */
export class DiskReserve {
  readonly #file: string
  #isHeld = false

  constructor (file: string) {
    this.#file = file
  }

  get isHeld (): boolean {
    return this.#isHeld
  }

  /** Takes the room again if there is twice as much: others need some, too. */
  hold (): void {
    if (this.#isHeld) return
    try {
      if (statSync(this.#file, { throwIfNoEntry: false })?.size !== reserveBytes) {
        const { bavail, bsize } = statfsSync(dirname(this.#file))
        if (bavail * bsize < 2 * reserveBytes) return
        // what cannot be compressed: some file systems keep no zeros
        writeFileSync(this.#file, randomBytes(reserveBytes))
      }
      this.#isHeld = true
    } catch {
      rmSync(this.#file, { force: true })
    }
  }

  /** Gives it up. False if it was not held. */
  give (): boolean {
    const wasHeld = this.#isHeld
    this.#isHeld = false
    rmSync(this.#file, { force: true })
    return wasHeld
  }
}
