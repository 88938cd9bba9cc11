import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { runCheck } from '../../helpers/check-command.js'
import { needsGraphite, startGraphite, type Point } from '../../helpers/graphite.js'
import { isPlugInOutput } from '../../helpers/plug-in-output.js'

const weekMinutes = 7 * 24 * 60

/** A value a minute, of the last three hours and of the same a week before. */
function history (metric: string, now: number, then: number | null, minute: number): Point[] {
  return Array.from({ length: 180 }, (_, ago) => [
    [metric, now, (minute - 1 - ago) * 60] as const,
    ...then === null ? [] : [[metric, then, (minute - 1 - ago - weekMinutes) * 60] as const]
  ]).flat()
}

/** Arguments behind `vanadium check`, exit code and line. */
const cases: ReadonlyArray<readonly [string[], number, string | RegExp]> = [
  [['graphite', 'eventlogging.overall.raw.rate', '--over', '-w', '200', '-c', '350'], 2, /^CRITICAL: eventlogging.overall.raw.rate: 400, 1[345] of 1[345] points above 350$/],
  [['graphite', 'movingAverage(eventlogging.overall.raw.rate,"10min")', '--over', '-w', '500', '--from', '-25min', '--until', '-10min'], 0, /^OK: movingAverage\(eventlogging.overall.raw.rate,"?'?10min"?'?\): 400, 1[456] points$/],
  [['graphite', 'diffSeries(eventlogging.overall.raw.rate,eventlogging.schema.Steady.rate)', '--over', '-w', '300', '-c', '380'], 2, /: 395, 1[345] of 1[345] points above 380$/],
  // nobody has ever opted out
  [['graphite', 'diffSeries(eventlogging.overall.raw.rate,eventlogging.overall.{valid,sampled,opted_out}.rate)', '--over', '-w', '20', '-c', '30'], 0, /: 10, 1[345] points$/],
  [['graphite', 'eventlogging.nothing.rate', '--over', '-w', '1'], 3, 'UNKNOWN: eventlogging.nothing.rate: Graphite has no such metric'],
  [['graphite', 'eventlogging.schema.Steady.rate', '--from', '-30d', '--until', '-20d', '-w', '1'], 3, /^UNKNOWN: eventlogging.schema.Steady.rate: (no data|Graphite has no such metric)$/],
  [['graphite', 'noSuchFunction(eventlogging.overall.raw.rate)', '-w', '1'], 3, /^UNKNOWN: (Graphite answered [45]00|noSuchFunction)/],
  [['graphite', 'eventlogging.schema.*.rate', '--anomaly', '-w=-50:50', '-c=-90:200'], 2, /^CRITICAL: eventlogg.*…*Grown.rate: up 300 %, 40 against 10 a week before; 1 other$/],
  [['graphite', 'eventlogging.schema.Steady.rate', '--anomaly', '-w=-50:50'], 0, 'OK: eventlogging.schema.Steady.rate: unchanged, 5 against 5 a week before'],
  [['graphite', 'eventlogging.schema.New.rate', '--anomaly', '-w=-50:50'], 0, 'OK: eventlogging.schema.New.rate: 7, new: no data of a week before'],
  [['schemas'], 2, /^CRITICAL: Grown: 40\/s, 1[345] of 1[345] points above 30; 1 other$/],
  [['schemas', '--schema', 'Steady'], 0, 'OK: 1 schema is within its limits'],
  [['invalid', '--source', 'graphite'], 2, /^CRITICAL: Steady: 58.3 % invalid, \d+ of \d+, above 20; 1 other$/]
]

t.test('against a real Graphite', { skip: needsGraphite }, async t => {
  const graphite = await startGraphite({ retentions: '60s:15d' })
  t.teardown(graphite.stop)
  const directory = mkdtempSync(join(tmpdir(), 'registry-'))
  t.teardown(() => { rmSync(directory, { recursive: true }) })
  const registry = join(directory, 'registry.yaml')
  writeFileSync(registry, `graphite: ${graphite.url}/
schemas:
  Steady: { thresholds: { under: { warning: 4, critical: 1 } } }
  Shrunk: { thresholds: { under: { warning: 4, critical: 1 } } }
  Grown: { thresholds: { over: { warning: 20, critical: 30 } } }
`)
  const minute = Math.floor(Date.now() / 60_000)
  await graphite.write([
    ...history('eventlogging.overall.raw.rate', 400, 100, minute),
    ...history('eventlogging.overall.valid.rate', 100, 100, minute),
    ...history('eventlogging.overall.sampled.rate', 290, null, minute),
    ...history('eventlogging.schema.Steady.rate', 5, 5, minute),
    ...history('eventlogging.schema.Steady.invalid.rate', 7, null, minute),
    ...history('eventlogging.schema.Grown.rate', 40, 10, minute),
    ...history('eventlogging.schema.Shrunk.rate', 2, 9, minute),
    ...history('eventlogging.schema.New.rate', 7, null, minute)
  ])
  await graphite.untilMetric('eventlogging.schema.New.rate')

  for (const [args, code, line] of cases) {
    await t.test(`${code} for: ${args.join(' ')}`, async t => {
      const output = await runCheck(...args, '--registry', registry, '-t', '30')

      isPlugInOutput(t, output)
      t.equal(output.code, code)
      t.match(output.line, line)
    })
  }
})
