import { readFileSync } from 'node:fs'
import type Database from 'better-sqlite3'

/**
 * When what was saved survives a power cut: with `save` at once, with `checkpoint` some seconds or megabytes later. A process
 * that crashes or is killed loses nothing with either.
 */
export const fsyncPolicies = ['save', 'checkpoint'] as const
export type FsyncPolicy = typeof fsyncPolicies[number]

interface Run {
  readonly bootId: string | null
  readonly fsync: string
  readonly orderly: 0 | 1
}

/**
 * Notes that a run begins, and sets when its transactions are durable. If the machine has gone down since the last one, and that
 * had saved with `checkpoint`, numbers that it gave may be given again: then the journals go on under new ids, and it returns true.
 */
export function beginRun (db: Database.Database, fsync: FsyncPolicy, bootId = bootIdOfThisMachine()): boolean {
  const last = db.prepare<[], Run>('SELECT boot_id AS bootId, fsync, orderly FROM run').get()
  const mayHaveLost = last !== undefined && last.orderly === 0 && last.fsync === 'checkpoint' && (bootId === null || last.bootId !== bootId)
  db.pragma('synchronous = FULL')
  // nothing to note of runs that lose nothing: a daemon must start on a full disk, too, and wait for room
  if (fsync === 'save' && (last === undefined || last.fsync === 'save')) return false
  db.transaction(() => {
    if (mayHaveLost) db.exec('UPDATE journal SET previous_id = id, previous_next = next, id = lower(hex(randomblob(8)))')
    db.prepare('INSERT OR REPLACE INTO run (one, boot_id, fsync, orderly) VALUES (1, ?, ?, 0)').run(bootId, fsync)
  }).immediate()
  if (fsync === 'checkpoint') db.pragma('synchronous = NORMAL')
  return mayHaveLost
}

/** The last thing that a run writes; with it, all before is durable. */
export function endRun (db: Database.Database, fsync: FsyncPolicy): void {
  if (fsync === 'save') return
  db.pragma('synchronous = FULL')
  db.exec('UPDATE run SET orderly = 1')
}

/** Null where there is none: then any crash counts as one of the machine. */
function bootIdOfThisMachine (): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return null
  }
}
