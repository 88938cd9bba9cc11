import { createHash } from 'node:crypto'
import type { BigIntStats } from 'node:fs'
import { version } from '../../lib/version.js'
import type { FileMemory } from '../../lib/purge/files.js'
import type { RulesInForce } from '../../lib/purge/rules.js'
import type { State } from '../../lib/stream/state.js'

/** What a state keeps of files, as long as they are as they were and the policies are the same. */
export interface StoredMemory extends FileMemory {
  /** Forgets what this run has not come across: files that are gone, or were something else then. */
  forgetOthers (): void
}

/** Later than any clock: SQLite has no infinity among its integers. */
const forEver = Number.MAX_SAFE_INTEGER

export function rememberFiles (state: Pick<State, 'extend'>, { policies, nowMs }: RulesInForce): StoredMemory {
  const fingerprint = createHash('sha256').update(JSON.stringify([version(), policies])).digest('hex')
  return state.extend(({ db, attempt }) => {
    attempt(() => db.exec('CREATE TABLE IF NOT EXISTS purged_file (key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, until_ms INTEGER NOT NULL, run_ms INTEGER NOT NULL) STRICT'))
    const find = db.prepare<[number, string, string, number], { key: string }>('UPDATE purged_file SET run_ms = ? WHERE key = ? AND fingerprint = ? AND until_ms >= ? RETURNING key')
    const put = db.prepare('INSERT OR REPLACE INTO purged_file VALUES (?, ?, ?, ?)')
    const forget = db.prepare('DELETE FROM purged_file WHERE run_ms != ?')
    return {
      isClean: (file, atMs) => attempt(() => find.get(nowMs, keyOf(file), fingerprint, atMs)) !== undefined,
      note (file, untilMs) { attempt(() => put.run(keyOf(file), fingerprint, Math.min(forEver, Math.floor(untilMs)), nowMs)) },
      forgetOthers () { attempt(() => forget.run(nowMs)) }
    }
  })
}

function keyOf ({ dev, ino, size, mtimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs].join(':')
}
