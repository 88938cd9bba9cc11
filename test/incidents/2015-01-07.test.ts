import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runCheck, type CheckOutput } from '../helpers/check-command.js'
import { startReady } from '../helpers/daemon.js'
import { clickLine, clicksIn, eventsIn, numbers, processorFile, startReplay, subscribed } from '../helpers/replay.js'
import { projectRoot } from '../helpers/shared.js'
import { startStatsd } from '../helpers/statsd.js'
import { shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

const lines = 500
/** After the deployment was taken back: so many that those before are less than what is worth a warning. */
const linesAfter = 7000
/** Seven of ten clients have got the deployment that forgets the schema's name. */
const isBroken = (n: number): boolean => n % 10 < 7
const broken = numbers(0, lines).filter(isBroken)
const line = (n: number): string => `${clickLine(n, isBroken(n) ? { schema: undefined } : {})}\n`

/** What an operator writes to make good: puts the name back where it is missing. */
const repair = `export default vanadium => {
  vanadium.fn('with-schema', ({ text }) => text.includes('%22schema%22') ? text : text.replace('?%7B', '?%7B%22schema%22%3A%22DemoButtonClick%22%2C'))
}`

// seen to fail when event errors do not go through the map: of the processor, when one that still is one is sent again, and when the log
// is read as it grows (159,076 records); the alarm, when what has no schema is not counted
t.test('most clients send no schema name for hours: their lines are kept, counted as invalid and alarmed on, and are replayed from the event errors when the cause is mended', async t => {
  const directory = shortDirectory(t)
  const [log, plugIns] = ['all.json', 'plug-ins'].map(name => join(directory, name)) as [string, string]
  const [raw, valid, replayed, all] = ['raw', 'valid', 'replayed', 'all'].map(name => `ipc://${join(directory, name)}`) as [string, string, string, string]
  const statsd = await startStatsd(t)
  const counted = async (kind: string): Promise<number> => (await statsd.counters())[`eventlogging.client-side.${kind}`] ?? 0
  const output = [`--output ${valid}?journal=valid`, `--invalid ${valid}?journal=valid`]
  const file = processorFile(directory, `--input ${raw}?as=processor`, ...output)
  const daemons = await Promise.all([
    startReady(t, 'forwarder', '--name', 'raw', '--input', 'stdin://', '--output', `${raw}?journal=raw`),
    startReady(t, 'processor', `@${file}`),
    startReady(t, 'forwarder', '--name', 'all', '--input', `${valid}?as=all`, `${replayed}?as=all`, '--output', `${all}?journal=all`),
    startReady(t, 'consumer', '--name', 'log', '--flush-interval', '0.2', '--input', `${all}?as=log`, '--output', `file://${log}`),
    startReady(t, 'monitor', '--state', directory, '--interval', '0.2', '--statsd', statsd.address, '--input', `client-side=${valid}?as=monitor`)
  ])
  const [beacons] = daemons
  // as it is shipped: 5 % are worth a warning, 20 % an alarm
  const invalidIs = async (code: number): Promise<CheckOutput> => await until(`check invalid exits with ${code}`, async () => {
    const found = await runCheck('invalid', '--state', directory, '--registry', join(projectRoot, 'etc/vanadium/registry.yaml'), '-v')
    return found.code === code ? found : null
  }, 60_000)
  t.teardown(() => {
    if (!t.passing()) t.comment(...daemons.map(({ log }) => JSON.stringify(log.slice(-8))))
  })
  await subscribed(daemons.slice(1))
  beacons.child.stdin.write(numbers(0, lines).map(line).join(''))
  await until('all are logged', () => eventsIn(log).length >= lines, 60_000)
  await until('all are counted', async () => await counted('valid') + await counted('invalid') >= lines, 60_000)

  t.strictSame(clicksIn(log), numbers(0, lines).filter(n => !isBroken(n)))
  t.equal(await counted('invalid'), broken.length, 'the invalid rate')
  const alarm = await invalidIs(2)
  t.match(alarm.line, /^CRITICAL: unknown: 70 % of all events, 350 of 500, .*/)
  t.match(alarm.details.join('\n'), /^\d+ times: \/schema: the name of the event's schema expected, nothing seen$/m)
  const errors = eventsIn(log).filter(({ schema }) => schema === 'EventError')
  t.equal(errors.length, broken.length)
  t.match(errors[0], { event: { schema: 'unknown', message: /^\/schema: required/ } })
  t.notOk(errors.some(({ event }) => event.rawEvent?.includes('203.0.113.9')), 'no address is kept')

  const replay = async (): Promise<unknown> => await startReplay(t, '--yes', '--records', log, '--processor', file, '--schema', 'unknown', '--output', `${replayed}?journal=replay`).result
  t.match(await replay(), { code: 0, printed: new RegExp(`^all +0 +${broken.length} `, 'm') }, 'as long as the cause is not mended, they stay invalid')
  mkdirSync(plugIns)
  writeFileSync(join(plugIns, 'repair.mjs'), repair)
  processorFile(directory, `--plugins ${plugIns}`, `--input map:${raw}?as=processor&function=with-schema`, ...output)
  t.match(await replay(), { code: 0, printed: new RegExp(`^all +${broken.length} +0 `, 'm') })
  await until('all are logged', () => clicksIn(log).length >= lines)

  t.strictSame(clicksIn(log).slice(lines - broken.length), broken, 'each once, in order')
  beacons.child.stdin.write(numbers(lines, lines + linesAfter).map(n => `${clickLine(n)}\n`).join(''))
  t.match(await invalidIs(0), { line: /^OK: 4(?:\.\d+)? % of \d+ events are invalid$/ }, 'the alarm is over')
  t.equal(new Set(eventsIn(log).map(({ clientIp }) => clientIp).filter(hash => hash !== undefined)).size, 1, 'with the same hash of the address')
})
