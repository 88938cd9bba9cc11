import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { noSuchTable, numberOf } from '../../lib/sql/errors.js'
import type { Mariadb } from './mariadb.js'
import { until } from './wait.js'

/** An event with a number and, if asked for, some text, in a capsule as the processor passes it on. The same number has the same uuid. */
export function numberedEvent (n: number, { schema = 'Counted', text = '' }: { schema?: string, text?: string } = {}): string {
  return JSON.stringify({
    schema, revision: 1, wiki: 'enwiki', recvFrom: 'cp1001.example.org', seqId: n, timestamp: 1400664601,
    uuid: n.toString(16).padStart(32, '0'), event: text === '' ? { n } : { n, text }
  })
}

/** A directory for `--schemas` with schemas for numbered events. */
export function numberedSchemas (t: Test, ...names: string[]): string {
  return t.testdir(Object.fromEntries((names.length > 0 ? names : ['Counted']).map(name => [name, { '1.json': schemaText() }])))
}

/** The schema's document, with further properties. */
export function schemaText (further: object = {}): string {
  return JSON.stringify({ type: 'object', properties: { n: { type: 'integer', required: true }, text: { type: 'string', maxLength: 3000 }, ...further } })
}

export interface Feed {
  /** Lines so far. */
  readonly written: number
  /** No more lines; returns how many there are. */
  stop (): number
}

const tickMs = 50

/** Appends lines to a new file at a steady pace, by the clock; ends with the test. */
export function feed (t: Test, file: string, perSecond: number, line: (n: number) => string): Feed {
  const start = Date.now()
  let written = 0
  writeFileSync(file, '')
  const timer = setInterval(() => {
    const due = Math.min(Math.floor((Date.now() - start) * perSecond / 1000), written + perSecond)
    appendFileSync(file, Array.from({ length: due - written }, (_, i) => `${line(written + i)}\n`).join(''))
    written = due
  }, tickMs)
  t.teardown(() => { clearInterval(timer) })
  return {
    get written () { return written },
    stop () {
      clearInterval(timer)
      return written
    }
  }
}

/** How many rows there are; 0 while there is no table. */
export async function countRows (server: Mariadb, database: string, table = 'Counted_1'): Promise<number> {
  try {
    return Number((await server.query(`SELECT COUNT(*) AS n FROM ${table}`, database))[0]?.['n'])
  } catch (error) {
    if (numberOf(error) === noSuchTable) return 0
    throw error
  }
}

/** Resolves when there are so many rows. Looks now and then: the writer needs the server more. */
export async function untilRows (server: Mariadb, database: string, count: number, table = 'Counted_1'): Promise<void> {
  await until(`${table} has ${count} rows`, async () => {
    await sleep(lookMs)
    return await countRows(server, database, table) >= count
  }, 90_000)
}

const lookMs = 200

/** The numbers of the events, in the order in which they were stored. */
export async function storedNumbers (server: Mariadb, database: string, table = 'Counted_1'): Promise<number[]> {
  return (await server.query(`SELECT event_n FROM ${table} ORDER BY id`, database)).map(row => Number(row['event_n']))
}

/** Resolves when the file has so many lines. Looks now and then, at their ends only: it may have many, and the daemons need the processor. */
export async function untilLines (file: string, count: number): Promise<void> {
  await until(`${file} has ${count} lines`, async () => {
    await sleep(lookMs)
    return countLines(readFileSync(file)) >= count
  }, 90_000)
}

function countLines (text: Buffer): number {
  let count = 0
  for (let at = text.indexOf(10); at !== -1; at = text.indexOf(10, at + 1)) count++
  return count
}

/** The numbers of the events in a file. */
export function fileNumbers (file: string): number[] {
  return readFileSync(file, 'utf8').split('\n').slice(0, -1).map(line => (JSON.parse(line) as { event: { n: number } }).event.n)
}

/** Fails unless the numbers are 0, 1, 2 … up to before `end`: each once, in order. Says where they begin to differ. */
export function isSequence (t: Pick<Test, 'equal' | 'strictSame'>, numbers: readonly number[], end: number, what: string): void {
  const at = numbers.findIndex((n, i) => n !== i)
  t.strictSame(at === -1 ? [] : numbers.slice(at, at + 5), [], `${what}: in order, from ${at} on otherwise`)
  t.equal(numbers.length, end, `${what}: all, once`)
}
