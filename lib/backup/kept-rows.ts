import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { chunksOf } from '../stream/chunks.js'
import { addRow, contentOfRow, dumpEnd, keyOfRow, piecesOfDump, timeOfRow, type DumpRow } from './dump-rows.js'
import { createKeySet, type KeySet } from './key-set.js'
import { undated, type Hour } from './manifest.js'
import { numberOfContent, numberOfKey, type HourSums } from './sums.js'

/** A dump that is there, and what it has. */
export interface Dumped {
  readonly path: string
  readonly hours: readonly Hour[]
}

/** Rows of a dump, some at a time. Throws `StreamError` if it is damaged. */
export async function * rowsOfDump (path: string, stop: AbortSignal): AsyncGenerator<readonly DumpRow[]> {
  const gunzip = createGunzip({ chunkSize: 64 << 10 })
  pipeline(createReadStream(path), gunzip, () => { /* chunksOf sees the error */ })
  for await (const { rows } of piecesOfDump(chunksOf(gunzip, path, stop), path)) yield rows
}

/** Whether a dump has all rows of that hour and schema that another one has, as far as their sums tell. Of rows that have no uuids, as those of a table that has no days, the content does. */
function hasAll (hours: readonly Hour[], old: Hour): boolean {
  return hours.some(({ hour, count, uuids, content }) => hour === old.hour && count === old.count && uuids === old.uuids && (hour !== undated || !isZero.test(uuids) || content === old.content))
}

const isZero = /^0*$/

/**
 * Keys of the rows that the old dump has and the new one has not; null if there are none. Only hours that differ are looked into: memory is 20
 * bytes for each of their rows.
 */
export async function missingKeys (old: Dumped, now: Dumped, stop: AbortSignal): Promise<KeySet | null> {
  const differing = old.hours.filter(hour => !hasAll(now.hours, hour))
  if (differing.length === 0) return null
  const looked = new Set(differing.map(({ hour }) => hour))
  const keys = createKeySet(differing.reduce((sum, { count }) => sum + count, 0))
  const each = async (path: string, use: (key: bigint) => void): Promise<void> => {
    for await (const rows of rowsOfDump(path, stop)) for (const row of rows) if (looked.has(hourOf(row))) use(keyOf(row))
  }
  await each(old.path, key => { keys.add(key) })
  await each(now.path, key => { keys.delete(key) })
  return keys.size === 0 ? null : keys
}

function hourOf (row: DumpRow): string {
  return timeOfRow(row)?.slice(0, 13) ?? undated
}

function keyOf (row: DumpRow): bigint {
  const key = keyOfRow(row)
  return key === null ? numberOfContent(contentOfRow(row)) : numberOfKey(key)
}

/** Bytes of rows in a statement: as mariadb-dump has them. */
const statementBytes = 1 << 20

/** What `keep` makes of the rows of a dump, as the end of another one, and adds it to `sums`; nothing at all if it makes null of all. */
export async function * keptRows (path: string, keep: (key: bigint, row: DumpRow) => DumpRow | null, sums: HourSums, stop: AbortSignal): AsyncGenerator<Buffer> {
  let statement: { head: string, bytes: number } | null = null
  let isBegun = false
  for await (const rows of rowsOfDump(path, stop)) {
    const parts: Buffer[] = []
    for (const old of rows) {
      const row = keep(keyOf(old), old)
      if (row === null) continue
      addRow(sums, row)
      if (!isBegun) parts.push(Buffer.from(preamble))
      isBegun = true
      if (statement === null || statement.head !== row.head.text || statement.bytes > statementBytes) {
        parts.push(Buffer.from(`${statement === null ? '' : ';\n'}${row.head.text}\n`))
        statement = { head: row.head.text, bytes: 0 }
      } else {
        parts.push(Buffer.from(',\n'))
      }
      parts.push(row.raw)
      statement.bytes += row.raw.length
    }
    if (parts.length > 0) yield Buffer.concat(parts)
  }
  if (isBegun) yield Buffer.from(`;\n${dumpEnd}\n`)
}

/** The dump before it has set the session back. */
const preamble = `
-- Rows that the table had once, and has no more
/*!40101 SET NAMES utf8mb4 */;
/*!40103 SET TIME_ZONE='+00:00' */;
/*!40101 SET SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
`
