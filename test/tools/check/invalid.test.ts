import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { countTables, minuteMs } from '../../../lib/counts/tables.js'
import { runCheck } from '../../helpers/check-command.js'
import { isPlugInOutput } from '../../helpers/plug-in-output.js'
import { fifteen, sendSeries, startRenderServer } from '../../helpers/render-server.js'

/** Valid and invalid events, all of `minutesAgo`. */
interface Count {
  readonly schema: string
  readonly valid: number
  readonly invalid: number
  readonly minutesAgo?: number
}

function directoryOf (t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'counts-'))
  t.teardown(() => { rmSync(directory, { recursive: true }) })
  return directory
}

/** A state as a monitor leaves it, with one failure for each schema that has invalid events. */
function writeCounts (directory: string, monitor: string, counts: readonly Count[]): void {
  const db = new Database(join(directory, `monitor-${monitor}.sqlite`))
  db.exec(countTables)
  for (const { schema, valid, invalid, minutesAgo = 3 } of counts) {
    const timeMs = Math.floor(Date.now() / minuteMs - minutesAgo) * minuteMs
    db.prepare('INSERT INTO schema_count VALUES (?, ?, ?, ?, ?, ?)').run(minuteMs, timeMs, monitor, schema, valid, invalid)
    if (invalid > 0) db.prepare("INSERT INTO failure VALUES (?, ?, ?, 'validation', '/event/action', 'one of \"init\", \"click\"', '\"hover\"', ?, ?, ?, '')").run(minuteMs, timeMs, schema, invalid, timeMs, timeMs)
  }
  db.close()
}

const registry = `
thresholds: { invalid: { warning: 0.05, critical: 0.2 } }
schemas:
  Fragile: { thresholds: { invalid: { warning: 0.5, critical: 0.9 } } }
  edit.summary: { thresholds: { invalid: { warning: 0.001, critical: 0.01 } } }
`

/** What, counts, more arguments, exit code, line. */
const cases: ReadonlyArray<readonly [string, readonly Count[], string[], number, string | RegExp]> = [
  ['all is well', [{ schema: 'A', valid: 990, invalid: 10 }], [], 0, 'OK: 1 % of 1000 events are invalid'],
  ['nothing is invalid', [{ schema: 'A', valid: 1000, invalid: 0 }], [], 0, 'OK: 0 % of 1000 events are invalid'],
  ['the share is the limit itself', [{ schema: 'A', valid: 95, invalid: 5 }], [], 0, 'OK: 5 % of 100 events are invalid'],
  ['a schema is above the warning', [{ schema: 'A', valid: 90, invalid: 10 }, { schema: 'B', valid: 900, invalid: 0 }], [], 1, 'WARNING: A: 10 % invalid, 10 of 100, above 5'],
  ['a schema is above the alarm', [{ schema: 'A', valid: 70, invalid: 30 }, { schema: 'B', valid: 900, invalid: 0 }], [], 2, 'CRITICAL: A: 30 % invalid, 30 of 100, above 20'],
  ['of two, the one with more invalid events is named', [{ schema: 'A', valid: 0, invalid: 60 }, { schema: 'B', valid: 600, invalid: 400 }, { schema: 'C', valid: 9000, invalid: 0 }], [], 2, 'CRITICAL: B: 40 % invalid, 400 of 1000, above 20; 1 other'],
  ['most events have no schema (2015-01-07)', [{ schema: 'unknown', valid: 0, invalid: 700 }, { schema: 'A', valid: 200, invalid: 0 }, { schema: 'B', valid: 100, invalid: 0 }], [], 2, 'CRITICAL: unknown: 70 % of all events, 700 of 1000, above 20; 1 other'],
  ['a few events have no schema, all of which are invalid', [{ schema: 'unknown', valid: 0, invalid: 60 }, { schema: 'A', valid: 9000, invalid: 0 }], [], 0, 'OK: 0.662 % of 9060 events are invalid'],
  ['many schemas are a little too bad, and together they are', Array.from({ length: 5 }, (_, n) => ({ schema: `S${n}`, valid: 30, invalid: 15 })), [], 2, 'CRITICAL: overall: 33.3 % invalid, 75 of 225, above 20'],
  ['few events say nothing', [{ schema: 'A', valid: 9, invalid: 40 }, { schema: 'B', valid: 1000, invalid: 0 }], [], 0, 'OK: 3.81 % of 1049 events are invalid'],
  ['few events say something where that is wanted', [{ schema: 'A', valid: 9, invalid: 40 }, { schema: 'B', valid: 1000, invalid: 0 }], ['--minimum', '20'], 2, /^CRITICAL: A: 81.6 % invalid, 40 of 49/],
  ['a schema may have worse events than others', [{ schema: 'Fragile', valid: 60, invalid: 40 }, { schema: 'B', valid: 1000, invalid: 0 }], [], 0, /^OK/],
  ['a schema must have better events than others, though metrics cannot have its name', [{ schema: 'edit_summary', valid: 980, invalid: 20 }], [], 2, 'CRITICAL: edit_summary: 2 % invalid, 20 of 1000, above 1'],
  ['-w and -c hold for all', [{ schema: 'Fragile', valid: 60, invalid: 40 }, { schema: 'B', valid: 1000, invalid: 0 }], ['-w', '10', '-c', '50'], 1, 'WARNING: Fragile: 40 % invalid, 40 of 100, outside 0:10'],
  ['what was before the window does not count', [{ schema: 'A', valid: 0, invalid: 1000, minutesAgo: 20 }, { schema: 'A', valid: 1000, invalid: 0 }], [], 0, 'OK: 0 % of 1000 events are invalid'],
  ['the window is longer', [{ schema: 'A', valid: 0, invalid: 1000, minutesAgo: 20 }, { schema: 'A', valid: 1000, invalid: 0 }], ['--window', '1h'], 2, /^CRITICAL: A: 50 % invalid, 1000 of 2000, above 20; 1 other$/],
  ['nothing was counted', [{ schema: 'A', valid: 1000, invalid: 0, minutesAgo: 20 }], [], 3, 'UNKNOWN: no events were counted in 15m'],
  ['nothing was counted, which is said to be an alarm', [], ['--no-data', 'critical'], 2, 'CRITICAL: no events were counted in 15m'],
  ['the window is none', [], ['--window', 'soon'], 3, 'UNKNOWN: --window "soon": give a time as 15m, 2h or 1d'],
  ['the least number of events is none', [], ['--minimum', '0'], 3, 'UNKNOWN: --minimum 0: give a number of events, at least 1']
]

for (const [what, counts, args, code, line] of cases) {
  t.test(`exit ${code}: ${what}`, async t => {
    const directory = directoryOf(t)
    writeCounts(directory, 'all', counts)
    writeFileSync(join(directory, 'registry.yaml'), registry)

    const output = await runCheck('invalid', '--state', directory, '--registry', join(directory, 'registry.yaml'), ...args)

    isPlugInOutput(t, output)
    t.equal(output.code, code)
    t.match(output.line, line)
  })
}

t.test('counts of all monitors of the host add up; details say what fails', async t => {
  const directory = directoryOf(t)
  writeCounts(directory, 'one', [{ schema: 'A', valid: 50, invalid: 10 }, { schema: 'B', valid: 100, invalid: 0 }])
  writeCounts(directory, 'two', [{ schema: 'A', valid: 30, invalid: 10 }])

  const output = await runCheck('invalid', '--state', directory)

  isPlugInOutput(t, output)
  t.equal(output.text, 'WARNING: A: 20 % invalid, 20 of 100, above 5; 1 other | A=20%;~:5;~:20;0;100 overall=10%;~:5;~:20;0;100 B=0%;~:5;~:20;0;100\n' +
    'WARNING: A: 20 % invalid, 20 of 100, above 5\n' +
    'WARNING: overall: 10 % invalid, 20 of 200, above 5\n' +
    '20 times: /event/action: one of "init", "click" expected, "hover" seen\n')
})

t.test('without a monitor on this host, or with a state that cannot be read, it is unknown, and says what to do', async t => {
  const directory = directoryOf(t)

  const none = await runCheck('invalid', '--state', directory)
  const missing = await runCheck('invalid', '--state', join(directory, 'none'))

  writeFileSync(join(directory, 'monitor-all.sqlite'), 'this is no database, however long it may be'.repeat(100))
  const damaged = await runCheck('invalid', '--state', directory)

  for (const output of [none, missing, damaged]) {
    isPlugInOutput(t, output)
    t.equal(output.code, 3)
  }
  t.match(damaged.line, /^UNKNOWN: \/.*monitor-all/)
  t.match(none.details.join(), /no monitor has a state in it; name the directory that the daemons have, and let a monitor run/)
})

t.test('a state that cannot be read is named beside what the others say', async t => {
  const directory = directoryOf(t)
  writeCounts(directory, 'one', [{ schema: 'A', valid: 990, invalid: 10 }])
  writeFileSync(join(directory, 'monitor-all.sqlite'), 'this is no database, however long it may be'.repeat(100))

  const output = await runCheck('invalid', '--state', directory)

  isPlugInOutput(t, output)
  t.match(output, { code: 0, line: /^OK: 1 % of 1000/ })
  t.match(output.details.join(), /not counted: .*monitor-all.sqlite: .*not a database/)
})

t.test('from Graphite, rates are added up over the window', async t => {
  const server = await startRenderServer(t, response => {
    sendSeries(response, {
      'eventlogging.schema.A.rate': [...fifteen(1).slice(2), null, null],
      'eventlogging.schema.A.invalid.rate': [...fifteen(0.5).slice(2), null, null],
      'eventlogging.schema.B.rate': fifteen(2),
      'eventlogging.schema.unknown.invalid.rate': fifteen(0)
    })
  })
  const args = ['invalid', '--source', 'graphite', '--graphite', server.url]

  const output = await runCheck(...args, '-w', '5', '-c', '20', '--window', '15m')
  const some = await runCheck(...args, '--minimum', '1180')

  isPlugInOutput(t, output)
  t.match(output, { code: 2, line: 'CRITICAL: A: 33.3 % invalid, 390 of 1170, outside 0:20; 1 other' })
  t.match(some, { code: 1, line: 'WARNING: overall: 13.1 % invalid, 390 of 2970, above 5' })
  t.match(server.asked[0], { targets: ['eventlogging.schema.*.rate', 'eventlogging.schema.*.invalid.rate'], from: '-900s', until: 'now' })
})

t.test('from a Graphite that has nothing, or is ill, it is unknown', async t => {
  const empty = await startRenderServer(t, response => { sendSeries(response, {}) })
  const nulls = await startRenderServer(t, response => { sendSeries(response, { 'eventlogging.schema.A.rate': fifteen(null) }) })
  const ill = await startRenderServer(t, response => { response.writeHead(503).end() })

  for (const [{ url }, line] of [[empty, /^UNKNOWN: no events were counted in 15m$/], [nulls, /^UNKNOWN: no events/], [ill, /^UNKNOWN: Graphite answered 503/]] as const) {
    const output = await runCheck('invalid', '--source', 'graphite', '--graphite', url)

    isPlugInOutput(t, output)
    t.equal(output.code, 3)
    t.match(output.line, line)
  }
})
