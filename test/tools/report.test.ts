import { readFileSync } from 'node:fs'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import type { Report, Trend } from '../../tools/report/report.js'
import { openHistory, type History } from '../helpers/history.js'

const dayMs = 24 * 3600_000
const minute = 60_000
/** The day that is reported begins here; all of it is some days ago, so that no daemon lives in the future. */
const day = Math.floor(Date.now() / dayMs) * dayMs - 2 * dayMs

/** What is sent at some times: how many events of each kind. */
const segments: Array<{ timeMs: number, events: Record<string, number> }> = [
  { timeMs: day - 7 * dayMs + 12 * 60 * minute, events: { Steady: 100, Growing: 10, Silent: 7, 'With.dots': 5, 'bad Steady': 3, nonsense: 2 } },
  { timeMs: day - 2 * minute, events: { Steady: 110, Growing: 40, Silent: 9, 'bad Growing': 4, Nowhere: 1 } },
  { timeMs: day + 1000, events: { Steady: 60, Growing: 50, 'With.dots': 20, 'bad Steady': 30 } },
  { timeMs: day + dayMs - 2 * minute, events: { Steady: 39, Growing: 50, New: 11, 'bad New': 2, 'bad Steady': 6, nonsense: 5, Nowhere: 3 } }
]

/** Lines of a kind: a valid event, an invalid one, one of a schema that is nowhere, or no event at all. */
function linesOf (kind: string, count: number, timeMs: number, first: number): string[] {
  const time = new Date(timeMs).toISOString().slice(0, 19)
  const [, bad, schema] = /^(bad )?(.*)$/.exec(kind) ?? []
  return Array.from({ length: count }, (_, n) => {
    const capsule = { schema, revision: 1, wiki: 'w', event: { n: bad === undefined ? n : 'many' } }
    return `cp1 ${first + n} ${time} ${kind === 'nonsense' ? '{"event":' : JSON.stringify(capsule)}`
  })
}

async function liveThrough (history: History): Promise<void> {
  let sent = 0
  for (const { timeMs, events } of segments) {
    const lines = Object.entries(events).flatMap(([kind, count]) => linesOf(kind, count, timeMs, (sent += count) - count))
    await history.live(timeMs, lines)
  }
}

/** From the JSON log file, the raw log and the tables: by day and schema, with nothing of ours. */
function independentCount ({ eventLog, rawLog, database }: History): Record<string, number> {
  const counts: Record<string, number> = {}
  const add = (key: string, by = 1): void => { counts[key] = (counts[key] ?? 0) + by }
  for (const line of readFileSync(eventLog, 'utf8').trim().split('\n')) {
    const { schema, timestamp, event } = JSON.parse(line) as { schema: string, timestamp: number, event: { schema: string, rawEvent: string } }
    const isError = schema === 'EventError'
    const time = isError ? new Date(`${event.rawEvent.split(' ')[2]}Z`) : new Date(timestamp * 1000)
    const about = event.schema === 'Nowhere' ? 'unknown' : event.schema
    add(`${time.toISOString().slice(0, 10)} ${isError ? 'invalid' : 'valid'} ${isError ? about : schema.replace('.', '_')}`)
  }
  for (const line of readFileSync(rawLog, 'utf8').trim().split('\n')) add(`${line.split(' ')[2]?.slice(0, 10)} raw`)
  const db = new Database(database, { readonly: true })
  for (const schema of ['Steady', 'Growing', 'Silent', 'New', 'With.dots']) {
    for (const { day, n } of db.prepare<[], { day: string, n: number }>(`SELECT substr(timestamp, 1, 8) AS day, count(*) AS n FROM "${schema.replace('.', '_')}_1" GROUP BY day`).all()) {
      add(`${day.replace(/(....)(..)(..)/, '$1-$2-$3')} inserted ${schema.replace('.', '_')}`, n)
    }
  }
  db.close()
  return counts
}

/** The same of a report, of the three days it compares. */
function countsIn (report: Report): Record<string, number | null> {
  const [now, before, week] = [0, 1, 7].map(days => new Date(day - days * dayMs).toISOString().slice(0, 10))
  const found: Record<string, number | null> = {}
  const add = (what: string, { count, dayBefore, weekBefore }: Trend): void => {
    for (const [day, number] of [[now, count], [before, dayBefore], [week, weekBefore]] as const) if (number !== 0) found[`${day} ${what}`] = number
  }
  add('raw', report.raw as Trend)
  for (const { schema, valid, invalid, inserted } of report.schemas) {
    add(`valid ${schema}`, valid)
    add(`invalid ${schema}`, invalid)
    for (const trend of inserted) add(`inserted ${schema}`, trend)
  }
  return found
}

function schemasOf (t: Test): string {
  const definition = JSON.stringify({ type: 'object', properties: { n: { type: 'integer', required: true } } })
  return t.testdir(Object.fromEntries(['Steady', 'Growing', 'Silent', 'New', 'With.dots'].map(name => [name, { '1.json': definition }])))
}

t.test('the report of a history that real daemons made is what its log files and tables say', async t => {
  const history = await openHistory(t, schemasOf(t))
  const name = new Date(day).toISOString().slice(0, 10)
  await liveThrough(history)

  const { code, out, log } = await history.command(day + dayMs + 20 * minute, 'report', '--format', 'json')

  t.equal(code, 0, log)
  const report = JSON.parse(out) as Report
  t.strictSame(sorted(countsIn(report)), sorted(independentCount(history)))
  const { isOver, differences, newSchemas, silentSchemas } = report
  t.strictSame({ day: report.day, isOver, differences, newSchemas, silentSchemas }, { day: name, isOver: true, differences: [], newSchemas: ['New'], silentSchemas: [{ schema: 'Silent', last: new Date(day - dayMs).toISOString().slice(0, 10) }] })
  t.strictSame(report.schemas.map(({ schema }) => schema).slice(0, 3), ['Steady', 'Growing', 'With_dots'], 'most events first')
  const text = await history.command(day + dayMs + 20 * minute, 'report', '--day', name)
  t.match(text.out, /^Steady +99 +−10 % +−1 % +36 +27 % +new +\+1,100 % +99 +−10 % +−1 %$/m)
  t.match(text.out, /^ledger: the books balance$/m)
  t.match((await history.command(day + 2 * dayMs, 'report', '--day', new Date(day - 30 * dayMs).toISOString().slice(0, 10))).out, /nothing was counted on this day: the records begin on/)
})

function sorted (counts: Record<string, unknown>): Array<[string, unknown]> {
  return Object.entries(counts).sort(([a], [b]) => a < b ? -1 : 1)
}
