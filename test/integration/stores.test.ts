import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { startDaemon } from '../helpers/daemon.js'
import { columnNames } from '../../lib/sql/names.js'
import { needsMariadb, startMariadb } from '../helpers/mariadb.js'
import { needsSharedData, sharedData } from '../helpers/shared.js'

type Event = Record<string, unknown> & { schema: string, revision: number, event: Record<string, unknown> }

const line = (example: string, i: number): string => `?${encodeURIComponent(example)}; cp1 ${i} 2014-05-21T09:30:01 203.0.113.9 Mozilla\n`

t.test('the examples of all real schemas validate, and are stored in MariaDB and SQLite and read back equal', { skip: needsSharedData === false ? needsMariadb : needsSharedData }, async t => {
  const data = sharedData ?? ''
  const directory = t.testdir()
  const examples = readFileSync(join(data, 'examples.ndjson'), 'utf8').trim().split('\n')
  const mariadb = await startMariadb()
  t.teardown(async () => { await mariadb.stop() })
  const database = await mariadb.database()
  const sqlite = join(directory, 'events.sqlite')
  const valid = join(directory, 'valid.json')
  const processor = startDaemon(t, 'processor', '--schemas', join(data, 'schemas'), '--format', '%q %{recvFrom}s %{seqId}d %t %h %{userAgent}i', '--address-key', join(directory, 'key'), '--input', 'stdin://', '--output', `file://${valid}`, '--invalid', `file://${join(directory, 'invalid.json')}`)
  processor.child.stdin.end(examples.map(line).join(''))
  t.equal(await processor.ended, 0)
  const events = readFileSync(valid, 'utf8').trim().split('\n').map(text => JSON.parse(text) as Event)
  t.equal(events.length, examples.length, 'all are valid')
  t.match(await processor.logged('schemas loaded'), { refused: 0 }, 'all schemas load')
  t.equal(new Set(events.map(event => event.schema)).size, readdirSync(join(data, 'schemas')).length)

  for (const output of [`mysql://root@127.0.0.1:${mariadb.port}/${database}`, `sqlite://${sqlite}`]) {
    const consumer = startDaemon(t, 'consumer', '--schemas', join(data, 'schemas'), '--input', `file://${valid}`, '--output', output)
    t.equal(await consumer.ended, 0)
  }

  const db = new Database(sqlite, { readonly: true })
  t.teardown(() => { db.close() })
  for (const event of events) {
    const sql = `SELECT * FROM ${event.schema}_${event.revision} WHERE uuid = '${String(event['uuid'])}'`
    const [row] = await mariadb.query(sql, database)
    checkRow(t, event, row, `${event.schema} in MariaDB`)
    checkRow(t, event, db.prepare(sql).get() as Record<string, unknown>, `${event.schema} in SQLite`)
  }
})

function checkRow (t: Tap, event: Event, row: Record<string, unknown> | undefined, name: string): void {
  t.match(row, { uuid: event['uuid'], timestamp: '20140521093001', wiki: event['wiki'], webHost: event['webHost'], userAgent: 'Mozilla', clientIp: event['clientIp'] }, name)
  checkFields(t, event.event, ['event'], row ?? {}, name)
}

/** An object without declared fields has a column of its own, others have one for each field. */
function checkFields (t: Tap, object: Record<string, unknown>, path: readonly string[], row: Record<string, unknown>, name: string): void {
  for (const [key, value] of Object.entries(object)) {
    const inner = [...path, key]
    const [column = ''] = columnNames([inner])
    if (isObject(value) && !(column in row)) checkFields(t, value, inner, row, name)
    else t.equal(textOf(row[column]), textOf(value), `${name}: ${inner.join('.')}`)
  }
}

type Tap = Pick<typeof t, 'match' | 'equal'>

/** Booleans are 1 and 0 in tables, arrays JSON. */
function textOf (value: unknown): string {
  if (typeof value === 'boolean') return value ? '1' : '0'
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function isObject (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
