import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs'
import Database from 'better-sqlite3'
import type { Mariadb } from '../helpers/mariadb.js'
import type { Arrivals } from './books.js'
import { allStreams, streamOfRecord, type Stream } from './lines.js'

/** Where the chain ends, seen by somebody who only looks on. */
export interface Sink {
  /** How many records are there; what was known last if it cannot be asked now. Costs little. */
  count (): Promise<number>
  /** All that is there. */
  arrivals (): Promise<Arrivals>
}

export function mysqlSink (server: Mariadb, database: string): Sink {
  return sqlSink(async sql => await server.query(sql, database))
}

export function sqliteSink (file: string): Sink {
  return sqlSink(async sql => {
    const db = new Database(file, { readonly: true, fileMustExist: true })
    try {
      return await Promise.resolve(db.prepare<[], Record<string, unknown>>(sql).all())
    } finally {
      db.close()
    }
  })
}

function sqlSink (query: (sql: string) => Promise<Array<Record<string, unknown>>>): Sink {
  /** By table, up to which row they are counted, and how many they are. */
  const counted = new Map<unknown, { readonly last: number, readonly rows: number }>(allStreams.map(({ table }) => [table, { last: 0, rows: 0 }]))

  return {
    async count () {
      const parts = allStreams.map(({ table }) => `SELECT '${table}' AS name, max(id) AS last, count(*) AS n FROM ${table} WHERE id > ${counted.get(table)?.last ?? 0}`)
      try {
        for (const { name, last, n } of await query(parts.join(' UNION ALL '))) {
          if (last !== null) counted.set(name, { last: Number(last), rows: (counted.get(name)?.rows ?? 0) + Number(n) })
        }
      } catch { /* it is down, or has no tables yet */ }
      return sum([...counted.values()].map(({ rows }) => rows))
    },
    async arrivals () {
      const arrivals = new Map<Stream, number[]>()
      for (const stream of allStreams) {
        const rows = await query(`SELECT event_${stream.field} AS value FROM ${stream.table} ORDER BY id`)
        arrivals.set(stream, rows.map(({ value }) => stream.numberOf(value)))
      }
      return arrivals
    }
  }
}

export function fileSink (path: string): Sink {
  const buffer = Buffer.alloc(4 << 20)
  let [offset, lines] = [0, 0]

  /** From where it was read last; from the start if it was cut back to before that. */
  function readOn (): void {
    const file = openSync(path, 'r')
    try {
      if (fstatSync(file).size < offset) [offset, lines] = [0, 0]
      for (let bytes; (bytes = readSync(file, buffer, 0, buffer.length, offset)) > 0;) {
        offset += bytes
        for (let at = -1; (at = buffer.subarray(0, bytes).indexOf('\n', at + 1)) !== -1;) lines++
      }
    } finally {
      closeSync(file)
    }
  }

  return {
    async count () {
      try {
        readOn()
      } catch { /* it is not there yet */ }
      return await Promise.resolve(lines)
    },
    async arrivals () {
      const arrivals = new Map<Stream, number[]>(allStreams.map(stream => [stream, []]))
      for (const line of readFileSync(path, 'utf8').split('\n').slice(0, -1)) {
        const { schema, event } = JSON.parse(line) as { schema: string, event: Record<string, unknown> }
        const stream = streamOfRecord(schema)
        arrivals.get(stream)?.push(stream.numberOf(event[stream.field]))
      }
      return await Promise.resolve(arrivals)
    }
  }
}

function sum (numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0)
}
