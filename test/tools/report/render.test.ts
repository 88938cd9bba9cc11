import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { openCounts } from '../../../lib/counts/read.js'
import { reportPage } from '../../../tools/report/html.js'
import { parseDay, type Day } from '../../../tools/report/day.js'
import { reportAbout, reportOf, type Report, type Sources } from '../../../tools/report/report.js'
import { reportText } from '../../../tools/report/text.js'
import { writeCounts, type CountedRow } from '../../helpers/written-counts.js'

const now = Date.UTC(2014, 4, 22, 0, 20)
const day = parseDay('--day', 'yesterday', now)
const hour = 3600_000

interface Given extends Partial<Sources> {
  readonly stores?: ReturnType<Sources['storesOf']>
  /** Hours of the day in which lines were counted. */
  readonly hours?: number
  readonly day?: Day
}

/** The report of a host whose monitor has counted these. */
function reported (rows: Array<Partial<CountedRow>>, { stores = [], hours = 24, day: asked = day, ...more }: Given = {}): Report {
  const directory = mkdtempSync(join(tmpdir(), 'vanadium-report-'))
  writeCounts(directory, rows.map(row => ({ timeMs: day.fromMs, schema: 'A', valid: 0, invalid: 0, spanMs: hour, ...row })), [],
    Array.from({ length: hours }, (_, n) => ({ timeMs: day.fromMs + n * hour, raw: 100 })))
  const counts = openCounts(directory)
  try {
    return reportOf({ counts, storesOf: () => stores, differences: [], registered: [], nowMs: now, ...more }, asked)
  } finally {
    counts.close()
    rmSync(directory, { recursive: true })
  }
}

t.test('what was not counted is "–", and is noted; what was counted as nothing is 0', async t => {
  const text = reportText(reported([{ valid: 5 }]))

  t.match(text, /^A +5 +– +– +0 +0 % +– +–$/m)
  t.match(text, /^new schemas: not known: nothing was counted before$/m)
  t.match(reportText(reported([], { counts: null })), /no monitor keeps counts on this host[^]*^all +– +– +– +– +– +– +–$/m)
  t.match(reported([], { counts: null, unreadable: ['monitor-a.sqlite: no'] }).notes, ['counts of a monitor cannot be read: monitor-a.sqlite: no', 'valid and invalid are not known'])
  t.match(reportText(reported([], { day: parseDay('--day', '2014-05-01', now) })), /nothing was counted on this day: the records begin on 2014-05-21/)
})

t.test('a day that is not over says so, and a day with hours in which nothing was counted says how many', async t => {
  const today = parseDay('--day', 'today', now)
  t.strictSame(today, parseDay('--day', '2014-05-22', now))

  t.match(reported([{ timeMs: today.fromMs, valid: 1 }], { day: today }), { isOver: false, notes: ['the day is not over: it is compared with whole days, at 00:20 UTC'] })
  t.match(reported([{ valid: 1 }], { hours: 0 }).notes, ['in 23 of 24 hours nothing was counted: no monitor ran, or nothing came'])
  t.match(reported([{ timeMs: today.fromMs - 24 * hour, valid: 1 }, { timeMs: today.fromMs, valid: 1 }, { timeMs: today.fromMs + hour, valid: 1 }], { hours: 0, day: today, nowMs: today.fromMs + 2 * hour }).notes[1], /^of the day before, 1 of 24 hours were counted$/)
})

t.test('a store whose books begin later is not 0 before that', async t => {
  const began = (beganMs: number, rows: number): Report => reported([{ valid: 5 }], { stores: [{ name: 'mysql://db/log', beganMs, inserted: new Map([['A', rows], ['EventError', 3]]) }] })

  t.match(began(day.fromMs - 8 * 24 * hour, 5).schemas, [{ schema: 'A', inserted: [{ count: 5, dayBefore: 5, weekBefore: 5 }] }])
  t.match(began(day.fromMs + hour, 5), { schemas: [{ inserted: [{ count: 5, dayBefore: null, weekBefore: null }] }], notes: ['the books of mysql://db/log begin at 2014-05-21 01:00 UTC'] })
  t.equal(began(0, 5).schemas.length, 1, 'event errors are no schema')
})

t.test('a hundred schemas are shown, most events first; the others are added up; JSON has all', async t => {
  const report = reported(Array.from({ length: 150 }, (_, n) => ({ schema: `S${n}`, valid: n + 1000 })))
  const lines = reportText(report).split('\n').filter(line => /^(S\d|\d+ more)/.test(line))

  t.equal(lines.length, 100)
  t.match(lines[0], /^S149 +1,149 /)
  t.match(lines.at(-1), /^51 more +52,275 /)
  t.match(reportPage(report), '51 more')
  t.ok(reportPage(report).length < 60_000, 'of a mail with more than some 100 KB, the rest is not shown')
  t.equal(report.schemas.length, 150)
  t.match(reportText(report), /^all +161,175 /m)
})

t.test('long lists of names and differences are cut, and say so', async t => {
  const differences = Array.from({ length: 40 }, (_, n) => ({ where: `to ${n}`, schema: 'A', in: 1000, out: 1, minutes: 2, firstMs: day.fromMs }))
  const report = reported([{ valid: 1 }], { differences, registered: Array.from({ length: 60 }, (_, n) => `R${n + 10}`) })

  t.match(reportText(report), /R59 \(none before\) and 10 more$/m)
  t.match(reportText(report), /^ {2}A: to 29: 999 missing \(1,000 in, 1 out\), in 2 minutes from 00:00 on\n {2}and 10 more/m)
  t.match(reportPage(report), 'And 10 more')
})

t.test('names from strangers are escaped in HTML', async t => {
  const page = reportPage(reported([{ schema: '<script>alert(1)</script>', valid: 1 }], { differences: [{ where: '<b>', schema: '"><i>', in: 1, out: 0, minutes: 1, firstMs: day.fromMs }] }))

  t.notMatch(page, /<script>|<b>:|"><i>/)
  t.match(page, '&lt;script&gt;alert(1)&lt;/script&gt;')
})

t.test('an owner\'s report has the owner\'s schemas, with their own sum, and what is missing of them', async t => {
  const rows = [{ schema: 'A', valid: 5, invalid: 1 }, { schema: 'B_c', valid: 7 }, { schema: 'Mine', timeMs: day.fromMs - hour, valid: 3 }]
  const differences = ['A', 'B.c', 'EventError:B.c'].map(schema => ({ where: 'w', schema, in: 2, out: 1, minutes: 1, firstMs: 0 }))
  const own = reportAbout(reported(rows, { differences }), new Set(['B.c', 'Mine']))

  t.match(own, { raw: null, total: { valid: { count: 7 }, invalid: { count: 0 } }, silentSchemas: [{ schema: 'Mine', last: '2014-05-20' }], newSchemas: ['B_c'] })
  t.strictSame(own.schemas.map(({ schema }) => schema), ['B_c', 'Mine'])
  t.equal(own.differences?.length, 2)
  t.notMatch(reportText(own), /raw lines/)
})

t.test('a day is yesterday, or a date that there is and that has begun', async t => {
  t.equal(day.name, '2014-05-21')
  t.equal(parseDay('--day', '2014-05-22', now).name, '2014-05-22')
  for (const wrong of ['2014-05-23', '2014-02-30', 'monday', '2014-5-1', '']) t.throws(() => parseDay('--day', wrong, now), { name: 'ConfigError', message: /give (a day in UTC as )?2014-05-2/ }, wrong)
})
