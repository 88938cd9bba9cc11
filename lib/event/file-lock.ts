import { chownSync, mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { geteuid } from 'node:process'
import Database from 'better-sqlite3'

/** How long to wait for another process that has it. */
const lockWaitMs = 5000

/**
 * Runs `work` while no other process does so for the same file: under a lock of the kernel's (`file` with `.lock` at its end), which a
 * killed process cannot leave behind.
 */
export function locked<T> (file: string, work: () => T): T {
  mkdirSync(dirname(file), { recursive: true, mode: 0o750 })
  const lock = new Database(`${file}.lock`, { timeout: lockWaitMs })
  try {
    giveToOwnerOf(dirname(file), `${file}.lock`)
    lock.exec('BEGIN EXCLUSIVE')
    return work()
  } finally {
    lock.close()
  }
}

/** What root makes in a directory of somebody else's is theirs: the daemons have to read it, and may have to write it. */
export function giveToOwnerOf (directory: string, file: string): void {
  if (geteuid?.() !== 0) return
  const { uid, gid } = statSync(directory)
  chownSync(file, uid, gid)
}
