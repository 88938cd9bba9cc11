import t from 'tap'
import { runCheck } from '../../helpers/check-command.js'
import { isPlugInOutput } from '../../helpers/plug-in-output.js'
import { fifteen, sendSeries, startRenderServer, type Values } from '../../helpers/render-server.js'

const states = { ok: 0, warning: 1, critical: 2, unknown: 3 } as const
const metric = 'eventlogging.overall.raw.rate'
const week = 7 * 24 * 3600
const none = null

interface Case {
  readonly what: string
  readonly values: Values
  /** Of a week before. */
  readonly before: Values
  readonly args: readonly string[]
  readonly state: keyof typeof states
  readonly line: string | RegExp
}

const cases: readonly Case[] = [
  { what: 'a third more than last week, within limits of half', values: { [metric]: fifteen(133) }, before: { [metric]: fifteen(100) }, args: ['-w=-50:50', '-c=-90:100'], state: 'ok', line: `OK: ${metric}: up 33 %, 133 against 100 a week before` },
  { what: 'three times as much as last week', values: { [metric]: fifteen(300) }, before: { [metric]: fifteen(100) }, args: ['-w=-50:50', '-c=-90:100'], state: 'critical', line: /^CRITICAL: eventlogging.*…*raw.rate: up 200 %, 300 against 100 a week before$/ },
  { what: 'a third of last week', values: { [metric]: fifteen(33) }, before: { [metric]: fifteen(100) }, args: ['-w=-50:50', '-c=-90:100'], state: 'warning', line: `WARNING: ${metric}: down 67 %, 33 against 100 a week before` },
  { what: 'nothing, where there was something', values: { [metric]: fifteen(0) }, before: { [metric]: fifteen(100) }, args: ['-w=-50:50', '-c=-90:100'], state: 'critical', line: /down 100 %, 0 against 100 a week before$/ },
  { what: 'something, where there was nothing', values: { [metric]: fifteen(3) }, before: { [metric]: fifteen(0) }, args: ['-w=-50:50', '-c=-90:100'], state: 'critical', line: /up from nothing, 3 against 0 a week before$/ },
  { what: 'nothing, as a week before', values: { [metric]: fifteen(0) }, before: { [metric]: fifteen(0) }, args: ['-w=-50:50'], state: 'ok', line: /unchanged, 0 against 0 a week before$/ },
  { what: 'a large change of next to nothing', values: { [metric]: fifteen(0.3) }, before: { [metric]: fifteen(0.1) }, args: ['-w=-50:50', '--minimum', '0.5'], state: 'ok', line: /up 200 %, 0.3 against 0.1 a week/ },
  { what: 'a metric that is new', values: { [metric]: fifteen(100) }, before: { [metric]: fifteen(none) }, args: ['-w=-50:50'], state: 'ok', line: `OK: ${metric}: 100, new: no data of a week before` },
  { what: 'a metric that Graphite did not know a week before', values: { [metric]: fifteen(100) }, before: {}, args: ['-w=-50:50'], state: 'ok', line: `OK: ${metric}: 100, new: no data of a week before` },
  { what: 'no data now, a change or not', values: { [metric]: fifteen(none) }, before: { [metric]: fifteen(100) }, args: ['-w=-50:50'], state: 'unknown', line: `UNKNOWN: ${metric}: no data` },
  { what: 'changes of several series, of which the largest is named', values: { a: fifteen(10), b: fifteen(400), c: fifteen(200) }, before: { a: fifteen(10), b: fifteen(100), c: fifteen(100) }, args: ['-w=-50:50'], state: 'warning', line: 'WARNING: b: up 300 %, 400 against 100 a week before; 1 other' }
]

for (const { what, values, before, args, state, line } of cases) {
  t.test(`${state} at ${what}`, async t => {
    const server = await startRenderServer(t, (response, { until }) => {
      if (until === 'now') sendSeries(response, values)
      else sendSeries(response, before, String(Number(until) + 60))
    })

    const output = await runCheck('graphite', metric, '--anomaly', '--graphite', server.url, ...args)

    isPlugInOutput(t, output)
    t.equal(output.code, states[state])
    t.match(output.line, line)
  })
}

t.test('the window of last week is this one, seven days earlier', async t => {
  const server = await startRenderServer(t, (response, { until }) => { sendSeries(response, { [metric]: fifteen(1) }, until === 'now' ? '1400000100' : String(Number(until) + 60)) })

  await runCheck('graphite', metric, '--graphite', server.url, '--anomaly', '-w=-50:50')
  const [now, then] = server.asked

  t.match(now, { targets: [metric], from: '-1h', until: 'now', format: 'json' })
  t.match(then, { targets: [metric], until: String(1400000040 - 0 - week), from: String(1400000040 - 15 * 60 - week) })
})
