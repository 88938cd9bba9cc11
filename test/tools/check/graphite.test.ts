import t from 'tap'
import { runCheck } from '../../helpers/check-command.js'
import { isPlugInOutput } from '../../helpers/plug-in-output.js'
import { fifteen, sendSeries, startRenderServer, type Values } from '../../helpers/render-server.js'

const states = { ok: 0, warning: 1, critical: 2, unknown: 3 } as const
const metric = 'eventlogging.overall.raw.rate'
const limits = ['--over', '-w', '200', '-c', '350']
const none = null

interface Case {
  readonly what: string
  readonly values: Values
  readonly args?: readonly string[]
  readonly state: keyof typeof states
  readonly line: string | RegExp
}

const cases: readonly Case[] = [
  { what: 'all points within the limits', values: { [metric]: fifteen(120) }, state: 'ok', line: `OK: ${metric}: 120, 15 points` },
  { what: 'a counter at zero', values: { [metric]: fifteen(0) }, state: 'ok', line: `OK: ${metric}: 0, 15 points` },
  { what: 'a counter at zero that should not be', values: { [metric]: fifteen(0) }, args: ['--under', '-w', '100', '-c', '10'], state: 'critical', line: `CRITICAL: ${metric}: 0, 15 of 15 points below 10` },
  { what: 'a value at the limit itself', values: { [metric]: fifteen(350) }, state: 'warning', line: `WARNING: ${metric}: 350, 15 of 15 points above 200` },
  { what: 'one point above the limit', values: { [metric]: [...fifteen(120).slice(2), 412, 100] }, state: 'critical', line: `CRITICAL: ${metric}: 412, 1 of 15 points above 350` },
  { what: 'one point above the limit where 15 % are needed', values: { [metric]: [...fifteen(120).slice(2), 412, 100] }, args: [...limits, '--percent', '15'], state: 'ok', line: `OK: ${metric}: 100, 15 points` },
  { what: 'exactly 20 % above the limit where 20 % are needed', values: { [metric]: [...fifteen(120).slice(3), 412, 412, 412] }, args: [...limits, '--percent', '20'], state: 'critical', line: /412, 3 of 15 points above 350$/ },
  { what: 'few alarming points, which are enough warnings together', values: { [metric]: [...fifteen(120).slice(3), 412, 250, 260] }, args: [...limits, '--percent', '20'], state: 'warning', line: /260, 3 of 15 points above 200$/ },
  { what: 'nulls at the end, which are not there yet', values: { [metric]: [...fifteen(120).slice(2), none, none] }, state: 'ok', line: /120, 13 points$/ },
  { what: 'gaps', values: { [metric]: [none, 120, none, 120, 120, none, 120, 120, none, 400] }, state: 'critical', line: /400, 1 of 6 points above 350$/ },
  { what: 'a gap of more than half, whatever the rest', values: { [metric]: [400, 400, 400, ...fifteen(none)] }, state: 'unknown', line: `UNKNOWN: ${metric}: no data` },
  { what: 'nulls only', values: { [metric]: fifteen(none) }, state: 'unknown', line: `UNKNOWN: ${metric}: no data` },
  { what: 'nulls only, said to be critical', values: { [metric]: fifteen(none) }, args: [...limits, '--no-data', 'critical'], state: 'critical', line: `CRITICAL: ${metric}: no data` },
  { what: 'nulls only, said to be ok', values: { [metric]: fifteen(none) }, args: [...limits, '--no-data', 'ok'], state: 'ok', line: `OK: ${metric}: no data` },
  { what: 'no points at all', values: { [metric]: [] }, state: 'unknown', line: `UNKNOWN: ${metric}: no data` },
  { what: 'an unknown metric', values: {}, state: 'unknown', line: `UNKNOWN: ${metric}: Graphite has no such metric` },
  { what: 'a counter that began again: a gap, then rates from zero', values: { [metric]: [...fifteen(120).slice(6), none, 0, 0, 110, 118, 119] }, args: ['--under', '-w', '100', '-c', '10', '--percent', '15'], state: 'ok', line: /119, 14 points$/ },
  { what: 'the same, where any point counts', values: { [metric]: [...fifteen(120).slice(6), none, 0, 0, 110, 118, 119] }, args: ['--under', '-w', '100', '-c', '10'], state: 'critical', line: /0, 2 of 14 points below 10$/ },
  { what: 'a range with @', values: { [metric]: fifteen(25) }, args: ['-w', '@20:30', '-c', '~:30'], state: 'warning', line: /25, 15 of 15 points inside 20:30$/ },
  { what: 'a negative range', values: { [metric]: fifteen(-25) }, args: ['-w', '-10:10', '-c', '-30:30'], state: 'warning', line: /-25, 15 of 15 points outside -10:10$/ },
  { what: 'several series, of which the worst is named', values: { a: fifteen(1), b: fifteen(250), c: fifteen(400), d: [...fifteen(1).slice(1), 400] }, state: 'critical', line: 'CRITICAL: c: 400, 15 of 15 points above 350; 2 others' },
  { what: 'several series that are all well', values: { a: fifteen(1), b: fifteen(2), c: fifteen(none) }, state: 'ok', line: 'OK: 2 series are within their limits, 1 without data' },
  { what: 'several series without data', values: { a: fifteen(none), b: fifteen(none) }, state: 'unknown', line: `UNKNOWN: ${metric}: no data` },
  { what: 'a name that is too long', values: { [`movingAverage(${'a.'.repeat(100)}rate,"10min")`]: fifteen(400) }, state: 'critical', line: /^CRITICAL: movingAverage.*….*rate,"10min"\): 400, 15 of 15 points above 350$/ },
  { what: 'names that would break the output', values: { 'a|b\nc\'=d': fifteen(400), '': fifteen(400) }, state: 'critical', line: /above 350; 1 other$/ }
]

for (const { what, values, args = limits, state, line } of cases) {
  t.test(`${state} at ${what}`, async t => {
    const server = await startRenderServer(t, response => { sendSeries(response, values) })

    const output = await runCheck('graphite', metric, '--graphite', server.url, ...args)

    isPlugInOutput(t, output)
    t.equal(output.code, states[state])
    t.match(output.line, line)
  })
}

t.test('from and until reach Graphite as they stand, and each metric is asked for by itself', async t => {
  const server = await startRenderServer(t, (response, { targets }) => { sendSeries(response, Object.fromEntries(targets.map(target => [target, fifteen(1)]))) })

  const output = await runCheck('graphite', 'a.b', '--metric', 'movingAverage(c.*,"10min")', '--from', '-25min', '--until', '-10min', '--graphite', server.url, '-w', '5')

  t.strictSame(server.asked.map(({ targets, from, until }) => ({ targets, from, until })).sort((a, b) => a.targets < b.targets ? -1 : 1), [
    { targets: ['a.b'], from: '-25min', until: '-10min' },
    { targets: ['movingAverage(c.*,"10min")'], from: '-25min', until: '-10min' }
  ])
  t.match(output, { code: 0, line: 'OK: 2 series are within their limits' })
})

t.test('performance data has the last value and the limits as ranges, -v a line for each series', async t => {
  const server = await startRenderServer(t, response => { sendSeries(response, { a: [...fifteen(100), 120], b: [...fifteen(210), 190] }) })

  const quiet = await runCheck('graphite', 'x', '--graphite', server.url, ...limits)
  const verbose = await runCheck('graphite', 'x', '--graphite', server.url, ...limits, '-v')

  t.match(quiet.text, /^WARNING: b: 210, 15 of 16 points above 200 \| b=190;~:200;~:350 a=120;~:200;~:350\n$/)
  t.strictSame(verbose.details, ['WARNING: b: 210, 15 of 16 points above 200', 'OK: a: 120, 16 points'])
})
