import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { runCheck } from '../../helpers/check-command.js'
import { isPlugInOutput } from '../../helpers/plug-in-output.js'
import { fifteen, sendSeries, startRenderServer, type RenderServer, type Values } from '../../helpers/render-server.js'

const directory = mkdtempSync(join(tmpdir(), 'registry-'))
t.teardown(() => { rmSync(directory, { recursive: true }) })

const limits = `
schemas:
  NavigationTiming: { thresholds: { under: { warning: 2, critical: 1 } } }
  edit.summary/v2: { thresholds: { over: { warning: 20, critical: 30 } } }
  Popups: { thresholds: { under: { warning: 2, critical: 1 }, over: { warning: 20, critical: 30 } } }
  Unlimited: {}
`

function registryWith (text: string): string {
  const file = join(directory, 'registry.yaml')
  writeFileSync(file, text, { mode: 0o600 })
  return file
}

/** Rates by schema, as metrics call it. */
function rates (byName: Values, prefix = 'eventlogging'): Values {
  return Object.fromEntries(Object.entries(byName).map(([name, values]) => [`${prefix}.schema.${name}.rate`, values]))
}

/** As Graphite does: only what was asked for, and only what there is. */
async function serve (t: Parameters<typeof startRenderServer>[0], values: Values): Promise<RenderServer> {
  return await startRenderServer(t, (response, { targets }) => {
    sendSeries(response, Object.fromEntries(Object.entries(values).filter(([name]) => targets.includes(name))))
  })
}

const well = { NavigationTiming: fifteen(5), edit_summary_v2: fifteen(3), Popups: fifteen(10) }

/** What, rates, more arguments, exit code, line. */
const cases: ReadonlyArray<readonly [string, Values, string[], number, string | RegExp]> = [
  ['all are within their limits', well, [], 0, 'OK: 3 schemas are within their limits'],
  ['one has too few events', { ...well, NavigationTiming: fifteen(1.5) }, [], 1, 'WARNING: NavigationTiming: 1.5/s, 15 of 15 points below 2'],
  ['one has none, and should have', { ...well, NavigationTiming: fifteen(0) }, [], 2, 'CRITICAL: NavigationTiming: 0/s, 15 of 15 points below 1'],
  ['a rate is at the limit itself', { ...well, NavigationTiming: fifteen(2), edit_summary_v2: fifteen(20) }, [], 0, /^OK/],
  ['one whose name metrics cannot have has too many', { ...well, edit_summary_v2: fifteen(31) }, [], 2, 'CRITICAL: edit.summary/v2: 31/s, 15 of 15 points above 30'],
  ['one is outside of both limits', { ...well, Popups: fifteen(25) }, [], 1, 'WARNING: Popups: 25/s, 15 of 15 points outside 2:20'],
  ['several are not well', { NavigationTiming: fifteen(0.5), edit_summary_v2: fifteen(25), Popups: fifteen(1.5) }, [], 2, 'CRITICAL: NavigationTiming: 0.5/s, 15 of 15 points below 1; 2 others'],
  ['few points are beyond the limit', { ...well, Popups: [...fifteen(10), 40] }, ['--percent', '15'], 0, /^OK/],
  ['one that is expected has no series', { edit_summary_v2: fifteen(3), Popups: fifteen(10) }, [], 3, 'UNKNOWN: NavigationTiming: no data'],
  ['one that is expected has nulls only', { ...well, NavigationTiming: fifteen(null) }, ['--no-data', 'critical'], 2, 'CRITICAL: NavigationTiming: no data'],
  ['one that has no least rate has no series', { NavigationTiming: fifteen(5), Popups: fifteen(10) }, [], 0, 'OK: 3 schemas are within their limits'],
  ['none has a series', {}, [], 3, 'UNKNOWN: NavigationTiming: no data; 2 others'],
  ['none of those without a least rate has a series', {}, ['--schema', 'edit.summary/v2'], 3, 'UNKNOWN: edit.summary/v2: no data'],
  ['only one is asked for', { ...well, NavigationTiming: fifteen(0) }, ['--schema', 'Popups', 'edit.summary/v2'], 0, 'OK: 2 schemas are within their limits'],
  ['one without limits is asked for', well, ['--schema', 'Unlimited'], 3, /^UNKNOWN: --schema Unlimited: it has no limits in the registry; give it/],
  ['-w is given', well, ['-w', '5'], 3, /^UNKNOWN: --warning and --critical mean nothing here: limits are in the/]
]

for (const [what, values, args, code, line] of cases) {
  t.test(`exit ${code} when ${what}`, async t => {
    const server = await serve(t, rates(values))

    const output = await runCheck('schemas', '--registry', registryWith(limits), '--graphite', server.url, ...args)

    isPlugInOutput(t, output)
    t.equal(output.code, code)
    t.match(output.line, line)
  })
}

t.test('details are a line for each that is not well, with -v for all; performance data has all', async t => {
  const server = await serve(t, rates({ ...well, NavigationTiming: fifteen(1), Popups: fifteen(1.5) }, 'test'))
  const args = ['schemas', '--registry', registryWith(limits), '--graphite', server.url, '--prefix', 'test']

  const quiet = await runCheck(...args)
  const verbose = await runCheck(...args, '-v')

  t.strictSame(quiet.details, ['WARNING: NavigationTiming: 1/s, 15 of 15 points below 2', 'WARNING: Popups: 1.5/s, 15 of 15 points outside 2:20'])
  t.strictSame(verbose.details, [...quiet.details, 'OK: edit.summary/v2: 3/s, 15 points'])
  t.match(quiet.text, / \| NavigationTiming=1;2:;1:;0 Popups=1.5;2:20;1:30;0 edit.summary\/v2=3;~:20;~:30;0\n/)
})

t.test('the registry says where Graphite is, with a password that nobody is told', async t => {
  const server = await startRenderServer(t, response => { response.writeHead(401).end() })
  const url = server.url.replace('//', '//icinga:s%20ecret@')

  const output = await runCheck('schemas', '--registry', registryWith(`graphite: ${url}/\n${limits}`))

  t.equal(output.code, 3)
  t.equal(output.line, `UNKNOWN: Graphite answered 401, at ${server.url}`)
  t.equal(server.asked[0]?.authorization, `Basic ${Buffer.from('icinga:s ecret').toString('base64')}`)
})

t.test('a registry without limits asks nothing; one that contradicts itself is unknown', async t => {
  const nothing = await runCheck('schemas', '--registry', registryWith('schemas: { A: {} }'))
  const contradiction = await runCheck('schemas', '--registry', registryWith('schemas: { A: { thresholds: { under: { warning: 5, critical: 4 }, over: { warning: 3, critical: 6 } } } }'))
  const broken = await runCheck('schemas', '--registry', registryWith('schemas: { A: { thresholds: { under: { warning: 4, critical: 5 } } } }'))

  t.match(nothing, { code: 0, line: 'OK: no schema has limits of its rate in the registry' })
  t.match(contradiction, { code: 3, line: /^UNKNOWN: thresholds of A: no rate is above 5 and below 3; give under less/ })
  t.match(broken, { code: 3, line: /^UNKNOWN: \/.*/, details: [/schemas\/A\/thresholds\/under: critical 5 comes before warning 4; give at most 4$/] })
})
