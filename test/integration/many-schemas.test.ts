import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise'
import { startReady, type Daemon } from '../helpers/daemon.js'
import { startPublisher } from '../helpers/journaled.js'
import { needsMariadb, startMariadb, type Mariadb } from '../helpers/mariadb.js'
import { numberedEvent, numberedSchemas } from '../helpers/numbered-events.js'
import { shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

const schemas = Array.from({ length: 500 }, (_, i) => `Schema${String(i).padStart(3, '0')}`)
/** Events of each, one a second. */
const seconds = 30
/** Published so often a second. */
const portions = 10
const flushIntervalMs = 1000
const mostMemory = 300e6
const deadlineMs = 90_000

const perPortion = schemas.length / portions

/** The most memory that the process ever had. */
function peakBytes ({ child }: Daemon): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) * 1024
}

/** The store, as somebody sees it who is connected all the time. */
class Onlooker {
  /** When so many events of the stream, or more, were first seen to be stored. */
  readonly sightings: Array<{ readonly stored: number, readonly atMs: number }> = []
  readonly #connection: Connection

  static async of (server: Mariadb, database: string): Promise<Onlooker> {
    return new Onlooker(await mysql.createConnection({ socketPath: server.socket, user: 'root', database }))
  }

  private constructor (connection: Connection) {
    this.#connection = connection
  }

  /** How many events of the stream are stored: the consumer keeps that in the transaction of the rows. */
  async stored (): Promise<number> {
    const [row] = await this.#rows('SELECT memory FROM vanadium_positions').catch(() => [])
    const stored = Number(/"[0-9a-f]{16}:(\d+)"/.exec(String(row?.['memory']))?.[1] ?? 0)
    if (stored > (this.sightings.at(-1)?.stored ?? 0)) this.sightings.push({ stored, atMs: performance.now() })
    return stored
  }

  async commits (): Promise<number> {
    const [row] = await this.#rows("SHOW GLOBAL STATUS LIKE 'Com_commit'")
    return Number(row?.['Value'])
  }

  /** Of all tables: how many rows, and how many of them with a number of their own. */
  async rows (): Promise<Array<{ table: string, rows: number, numbers: number, least: number, most: number }>> {
    const counts = schemas.map(name => `SELECT '${name}' AS name, count(*) AS n, count(DISTINCT event_n) AS d, min(event_n) AS least, max(event_n) AS most FROM ${name}_1`)
    const rows = await this.#rows(counts.join(' UNION ALL '))
    return rows.map(({ name, n, d, least, most }) => ({ table: String(name), rows: Number(n), numbers: Number(d), least: Number(least), most: Number(most) }))
  }

  async end (): Promise<void> {
    await this.#connection.end()
  }

  async #rows (sql: string): Promise<RowDataPacket[]> {
    return (await this.#connection.query<RowDataPacket[]>(sql))[0]
  }
}

/**
 * No time is asserted that a busy machine could not keep: how many transactions there were, which the consumer's clock decides and
 * which is one an interval whether the machine is fast or slow, unless it is so slow that a transaction takes longer than that; and that
 * most events were visible within a few intervals, which says that nothing piled up.
 */
// seen to fail with a flush after each batch, with one every five seconds, and with a batch that is published twice
t.test('500 schemas, one event of each a second: little memory, one transaction a flush interval, each row there once', { skip: needsMariadb }, async t => {
  const server = await startMariadb(['--innodb-log-file-size=256M'])
  t.teardown(server.stop)
  const database = await server.database()
  const { writer: { endpoint }, publish } = await startPublisher(t, shortDirectory(t))
  const consumer = await startReady(t, 'consumer', '--name', 'mysql', '--schemas', numberedSchemas(t, ...schemas), '--flush-interval', String(flushIntervalMs / 1000),
    '--input', `${endpoint}?as=mysql`, '--output', `mysql://root@127.0.0.1:${server.port}/${database}`)
  const onlooker = await Onlooker.of(server, database)
  t.teardown(async () => { await onlooker.end() })

  const begun = performance.now()
  await publish(...schemas.map(schema => numberedEvent(0, { schema })))
  await until('every table is made and has its first row', async () => await onlooker.stored() === schemas.length, deadlineMs)
  t.comment(`${schemas.length} tables were made in ${Math.round(performance.now() - begun)} ms`)

  const commitsBefore = await onlooker.commits()
  const start = performance.now()
  const publishedMs: number[] = []
  for (let portion = 0; portion < seconds * portions; portion++) {
    const first = portion % portions * perPortion
    while (performance.now() < start + portion * 1000 / portions) {
      await onlooker.stored()
      await sleep(20)
    }
    publishedMs.push(performance.now())
    await publish(...schemas.slice(first, first + perPortion).map(schema => numberedEvent(1 + Math.floor(portion / portions), { schema })))
  }
  const all = schemas.length * (1 + seconds)
  await until('all are stored', async () => await onlooker.stored() === all, deadlineMs)
  const ms = performance.now() - start
  const commits = await onlooker.commits() - commitsBefore
  const memory = peakBytes(consumer)
  const waits = waitsOf(publishedMs, onlooker)
  t.comment(`${commits} transactions in ${Math.round(ms)} ms; ${Math.round(memory / 1e6)} MB; until visible: ${[0.5, 0.9, 1].map(share => Math.round(waits[Math.ceil(waits.length * share) - 1] ?? 0)).join(', ')} ms (median, 90 %, all)`)

  t.equal(await consumer.stop(), 0)
  const intervals = ms / flushIntervalMs
  // it begins after four fifths of an interval
  t.ok(commits <= intervals * 5 / 4 + 3, `${commits} transactions in ${intervals.toFixed(1)} intervals: not one for each schema`)
  t.ok(commits >= intervals / 2, `${commits} transactions in ${intervals.toFixed(1)} intervals: it kept up`)
  const soon = waits.filter(wait => wait < 3 * flushIntervalMs).length / waits.length
  t.ok(soon >= 0.5, `${Math.round(soon * 100)} % were visible within three intervals`)
  t.ok(memory < mostMemory, `${Math.round(memory / 1e6)} MB`)
  const wrong = (await onlooker.rows()).filter(({ rows, numbers, least, most }) => rows !== seconds + 1 || numbers !== rows || least !== 0 || most !== seconds)
  t.strictSame(wrong, [])
  t.strictSame(consumer.log.filter(({ level }) => level === 'error'), [])
  const { counts } = await consumer.logged('stopped')
  t.match(counts, { 'overall.inserted': all, duplicate: undefined, dead_letter: undefined })
})

/** From when each portion was published to when it was first seen to be stored as a whole, in milliseconds, the shortest first. */
function waitsOf (publishedMs: readonly number[], { sightings }: Onlooker): number[] {
  return publishedMs.map((atMs, portion) => {
    const end = schemas.length + (portion + 1) * perPortion
    return (sightings.find(({ stored }) => stored >= end)?.atMs ?? Infinity) - atMs
  }).sort((a, b) => a - b)
}
