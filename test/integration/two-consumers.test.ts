import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startDaemon } from '../helpers/daemon.js'
import { needsMariadb, startMariadb } from '../helpers/mariadb.js'
import { isSequence, numberedEvent, schemaText, storedNumbers } from '../helpers/numbered-events.js'

const schemas = Array.from({ length: 32 }, (_, i) => `Schema${i}`)
const perSchema = 25
const rounds = 2

/** So many events of each schema, from `first` on, in turns. */
function events (first: number, names: readonly string[] = schemas): string[] {
  return Array.from({ length: perSchema }, (_, n) => names.map(schema => numberedEvent(first + n, { schema }))).flat()
}

/** In the opposite order, which is how two transactions come to wait for each other. */
function opposite (first: number): string[] {
  return events(first, schemas.toReversed())
}

/** The same with a field that the schema gains. */
function wider (lines: readonly string[]): string[] {
  return lines.map(line => line.replace('"event":{', '"event":{"gained":"2014-05-21T09:30:01Z",'))
}

t.test('two consumers that start at the same moment', { skip: needsMariadb }, async t => {
  const server = await startMariadb()
  t.teardown(server.stop)
  const directory = t.testdir({ old: {}, new: {} })
  for (const schema of schemas) {
    for (const [kind, text] of [['old', schemaText()], ['new', schemaText({ gained: { type: 'string', format: 'date-time' } })]] as const) {
      mkdirSync(join(directory, kind, schema))
      writeFileSync(join(directory, kind, schema, '1.json'), text)
    }
  }

  interface Part {
    readonly repository: 'old' | 'new'
    readonly lines: readonly string[]
  }

  /** All start together, get their events at the same moment, and end with them. Flushes are small, so that they meet often. */
  async function consume (t: Test, database: string, parts: readonly Part[]): Promise<void> {
    const letters = parts.map((_, i) => join(directory, `${database}-${i}.letters`))
    const consumers = parts.map(({ repository }, i) => startDaemon(t, 'consumer', '--name', `c${i}`, '--schemas', join(directory, repository), '--dead-letter', `file://${letters[i]}`,
      '--input', 'stdin://', '--output', `mysql://root@127.0.0.1:${server.port}/${database}?batch-rows=100`))
    await Promise.all(consumers.map(async consumer => await consumer.logged('ready')))
    for (const [i, { child }] of consumers.entries()) child.stdin.end(parts[i]?.lines.map(line => `${line}\n`).join(''))
    for (const consumer of consumers) {
      // what is waited for long enough hangs; what it says is more use
      t.equal(await consumer.logged(({ level }) => level === 'error').then(JSON.stringify, async () => await consumer.ended), 0)
      // a deadlock costs a rollback and another attempt, and is a warning, once; nothing else is
      for (const { level, message, reason } of consumer.log) if (level === 'warn') t.match({ message, reason }, { message: 'waiting for the store', reason: /deadlock/i })
      t.comment(`${consumer.log.filter(({ level }) => level === 'warn').length} deadlocks`)
    }
    t.strictSame(letters.map(file => readFileSync(file, 'utf8')), letters.map(() => ''), 'no dead letters')
  }

  /** All tables have the events 0 to `count`, and so many of them have the field that was gained. */
  async function check (t: Test, database: string, count: number, wider = 0): Promise<void> {
    for (const schema of schemas) {
      isSequence(t, (await storedNumbers(server, database, `${schema}_1`)).sort((a, b) => a - b), count, schema)
      if (wider > 0) t.match(await server.query(`SELECT COUNT(event_gained) AS gained FROM ${schema}_1`, database), [{ gained: wider }], schema)
    }
  }

  for (let round = 1; round <= rounds; round++) {
    t.test(`on the same stream store each event once, into tables that neither finds (${round})`, async t => {
      const database = await server.database()
      await consume(t, database, [{ repository: 'old', lines: events(0) }, { repository: 'old', lines: events(0) }])
      await check(t, database, perSchema)
    })

    t.test(`on the same events in opposite order, as when some are replayed, store each once (${round})`, async t => {
      const database = await server.database()
      await consume(t, database, [{ repository: 'old', lines: events(0) }, { repository: 'old', lines: events(0).toReversed() }])
      await check(t, database, perSchema)
    })

    t.test(`on different streams store all events of both (${round})`, async t => {
      const database = await server.database()
      await consume(t, database, [{ repository: 'old', lines: events(0) }, { repository: 'old', lines: opposite(perSchema) }])
      await check(t, database, 2 * perSchema)
    })

    t.test(`with schemas that have just gained a field, which only one of them knows, lose nothing (${round})`, async t => {
      const database = await server.database()
      await consume(t, database, [{ repository: 'old', lines: events(0) }, { repository: 'new', lines: wider(opposite(perSchema)) }])
      await check(t, database, 2 * perSchema, perSchema)
    })

    t.test(`add a field that schemas have gained to tables that are there, once (${round})`, async t => {
      const database = await server.database()
      await consume(t, database, [{ repository: 'old', lines: events(0) }])
      await consume(t, database, [{ repository: 'new', lines: wider(events(perSchema)) }, { repository: 'new', lines: wider(opposite(2 * perSchema)) }])
      await check(t, database, 3 * perSchema, 2 * perSchema)
    })
  }
})
