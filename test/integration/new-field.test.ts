// A schema gains a field while events of it and of others flow. Seen to fail when `drive` flushes where it should settle: "waited in
// vain until the others are there, while the table is held".
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import mysql from 'mysql2/promise'
import t from 'tap'
import { startDaemon } from '../helpers/daemon.js'
import { needsMariadb, startMariadb } from '../helpers/mariadb.js'
import { until } from '../helpers/wait.js'
import { capsuleOf } from '../sql/fixtures.js'

t.test('a schema gains a field: none of its rows is lost, and no other schema waits, whoever holds its table', { skip: needsMariadb }, async t => {
  const server = await startMariadb()
  t.teardown(server.stop)
  const database = await server.database()
  const directory = t.testdir({ schemas: { Changing: {}, Other: {} } })
  const events = join(directory, 'events.json')
  defineSchema(directory, 'Changing', ['n'])
  defineSchema(directory, 'Other', ['n'])
  writeFileSync(events, '')
  const consumer = startDaemon(t, 'consumer', '--flush-interval', '0.2', '--schemas', join(directory, 'schemas'), '--input', `file://${events}?follow=true&poll-interval=20`, '--output', `mysql://root@127.0.0.1:${server.port}/${database}`)

  let sent = 0
  /** The next event of both. */
  function send (fields: object = {}): void {
    sent++
    appendFileSync(events, `${JSON.stringify(capsuleOf({ n: sent, ...fields }, { schema: 'Changing' }))}\n${JSON.stringify(capsuleOf({ n: sent }, { schema: 'Other' }))}\n`)
  }

  async function countOf (schema: string): Promise<number> {
    const made = await server.query(`SHOW TABLES LIKE '${schema}_1'`, database)
    if (made.length === 0) return 0
    const [row] = await server.query(`SELECT COUNT(*) AS n FROM ${schema}_1`, database)
    return Number(row?.['n'])
  }

  /** Sends events until those of the other schema have come so many times; returns how long the slowest took, in milliseconds. */
  async function slowest (times: number, fields: object): Promise<number> {
    let most = 0
    for (let i = 0; i < times; i++) {
      const since = performance.now()
      send(fields)
      await until('the others are there, while the table is held', async () => await countOf('Other') === sent)
      most = Math.max(most, performance.now() - since)
    }
    return Math.round(most)
  }

  send()
  await until('both are there', async () => await countOf('Changing') === 1 && await countOf('Other') === 1)
  const usual = await slowest(10, {})
  const analyst = await mysql.createConnection({ socketPath: server.socket, user: 'root', database })
  t.teardown(() => { analyst.destroy() })
  await analyst.query('START TRANSACTION')
  await analyst.query('SELECT * FROM Changing_1')
  const before = await countOf('Changing')
  defineSchema(directory, 'Changing', ['n', 'm'])
  consumer.child.kill('SIGHUP')
  await until('the schemas are read again', () => consumer.log.filter(({ message }) => message === 'schemas loaded').length === 2)
  const held = await slowest(10, { m: 1 })
  const waiting = await countOf('Changing')
  await analyst.end()
  await until('the rows that waited are there', async () => await countOf('Changing') === sent)
  const after = await slowest(10, { m: 1 })
  t.equal(await consumer.stop(), 0)

  t.equal(waiting, before, 'the table was held all the time')
  const rows = await server.query('SELECT event_n AS n, event_m AS m FROM Changing_1 ORDER BY id', database)
  t.strictSame(rows.map(({ n }) => n), Array.from({ length: sent }, (_, i) => i + 1), 'all rows, in order')
  t.equal(rows.filter(({ m }) => m === 1).length, 20)
  t.notOk(consumer.log.some(({ level }) => level === 'error'))
  t.comment(`slowest event of the other schema, from its file to its row: ${usual} ms before, ${held} ms while the table was held, ${after} ms after`)
})

function defineSchema (directory: string, name: string, fields: readonly string[]): void {
  mkdirSync(join(directory, 'schemas', name), { recursive: true })
  writeFileSync(join(directory, 'schemas', name, '1.json'), JSON.stringify({ properties: Object.fromEntries(fields.map(field => [field, { type: 'integer' }])) }))
}
