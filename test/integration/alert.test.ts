import { createSocket } from 'node:dgram'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { executable, startReady } from '../helpers/daemon.js'
import { needsGraphite, startGraphite, type Graphite, type Point } from '../helpers/graphite.js'
import { needsIcinga, startIcinga } from '../helpers/icinga.js'
import type { ReceivedMail } from '../helpers/mail-parts.js'
import { decodePng } from '../helpers/png.js'
import { stablePort } from '../helpers/ports.js'
import { projectRoot } from '../helpers/shared.js'
import { startShippedStatsd } from '../helpers/shipped-statsd.js'
import { startSmtpSink } from '../helpers/smtp-sink.js'
import { until } from '../helpers/wait.js'

const needs = needsGraphite !== false ? needsGraphite : needsIcinga
/** Within which an operator is to know. */
const promisedMs = 120_000
const weekSeconds = 7 * 86_400

t.test('traffic above the limit is mailed with the schema that caused it and a graph; so is that it is over; and one mail tells that Graphite is away', { skip: needs }, async t => {
  const graphite = await startGraphite()
  t.teardown(graphite.stop)
  const statsd = await startShippedStatsd(graphite.carbonPort)
  t.teardown(statsd.stop)
  const sink = await startSmtpSink()
  t.teardown(sink.stop)
  await writeLastWeek(graphite)
  const pipeline = await startPipeline(t, statsd.address)
  const traffic = startTraffic(t, pipeline.port, { DemoButtonClick: 3, NavigationTiming: 2 })
  await graphite.untilMetric('eventlogging.schema.NavigationTiming.rate')
  const icinga = await startIcinga({
    before: configuration({ graphite: graphite.url, mail: sink.url, ...pipeline }),
    include: ['commands', 'dependencies', 'notifications', 'services'].map(name => join(projectRoot, 'etc', 'icinga2', `vanadium-${name}.conf`)),
    path: pathWithVanadium(pipeline.config)
  })
  t.teardown(async () => {
    if (!t.passing()) t.comment(await icinga.log())
    await icinga.stop()
  })

  await t.test('traffic rises', async t => {
    traffic.set({ DemoButtonClick: 3, NavigationTiming: 80 })
    const mail = await sink.received('the alert', isAbout('CRITICAL rate'), promisedMs)

    t.match(mail.subject, /^\[vanadium\] CRITICAL rate on vanadium1: NavigationTiming [\d.]+ times last week's$/)
    t.match(mail.text, /NavigationTiming +[\d.]+\/s +[\d.]+ times last week's \(2\/s\)/)
    t.match(mail.text, /since \d\d:\d\d UTC/)
    t.match(mail.text, 'https://docs.example.org/operations.md#alert-vanadium-rate')
    t.match(mail.html, '<td style="padding:.15em 1em .15em 0">NavigationTiming</td>')
    t.match(mail.html, '<img src="cid:graph"')
    t.strictSame([...mail.recipients].sort(), ['navigation@example.org', 'operators@example.org'])
    const [picture] = mail.attachments
    t.match({ ...picture }, { type: 'image/png', cid: 'graph' })
    const { width, height, pixels } = decodePng(picture?.content ?? Buffer.alloc(0))
    t.strictSame([width, height], [700, 350])
    t.ok(new Set(pixels).size > 20, 'something is drawn')
  })

  await t.test('traffic falls', async t => {
    traffic.set({ DemoButtonClick: 3, NavigationTiming: 2 })
    const mail = await sink.received('the recovery', isAbout('OK rate'), promisedMs)

    t.match(mail.subject, /^\[vanadium\] OK rate on vanadium1: over after \d+ (s|min)$/)
    t.strictSame(mail.recipients, ['operators@example.org'])
  })

  await t.test('Graphite is away', async t => {
    const before = sink.mails.length
    await graphite.haltWeb()
    const mail = await sink.received('the alert', isAbout('UNKNOWN graphite'), promisedMs)
    t.match(mail.subject, 'Graphite cannot be reached')

    await graphite.restartWeb()
    await sink.received('the recovery', isAbout('OK graphite'), promisedMs)
    t.strictSame(sink.mails.slice(before).filter(mail => / rate on /.test(mail.subject)).map(({ subject }) => subject), [], 'what follows from it is not told')
  })
})

function isAbout (what: string): (mail: ReceivedMail) => boolean {
  return ({ subject }) => subject.startsWith(`[vanadium] ${what} `)
}

/** What traffic was like around this time a week ago, and before. */
async function writeLastWeek (graphite: Graphite): Promise<void> {
  const end = Math.floor(Date.now() / 1000) - weekSeconds + 3600
  const rates = { 'overall.raw': 5, 'schema.DemoButtonClick': 3, 'schema.NavigationTiming': 2 }
  const times = Array.from({ length: 7 * 60 }, (_, minute) => end - minute * 60)
  const points = Object.entries(rates).flatMap(([name, rate]) => times.map((time): Point => [`eventlogging.${name}.rate`, rate, time]))
  await graphite.write(points)
  await until('Graphite has last week', async () => await graphite.series('eventlogging.overall.raw.rate', { from: '-8d' }).then(({ length }) => length > 300, () => false))
}

interface Pipeline {
  /** UDP. */
  readonly port: number
  readonly state: string
  /** Of the argument files. */
  readonly config: string
}

/** Forwarder, processor and monitor, from argument files as an operator has them. */
async function startPipeline (t: Test, statsd: string): Promise<Pipeline> {
  const [port, raw, rawReplay, valid, validReplay] = [await stablePort(), await stablePort(), await stablePort(), await stablePort(), await stablePort()]
  const output = `tcp://127.0.0.1:${valid}?journal=events&replay=${validReplay}`
  const directory = t.testdir({ state: {}, config: { forwarders: {}, processors: {}, consumers: {}, monitors: {} } })
  const config = join(directory, 'config')
  const state = join(directory, 'state')
  const instances = {
    monitor: ['all', '--input', `server-side=tcp://127.0.0.1:${raw}?as=all`, '--input', `server-side=tcp://127.0.0.1:${valid}?as=all`],
    processor: ['server-side', '--format', '%{seqId}d EventLogging %j', '--input', `tcp://127.0.0.1:${raw}?as=server-side`, '--output', output, '--invalid', output],
    forwarder: ['server-side', '--input', `udp://127.0.0.1:${port}`, '--count', '--output', `tcp://127.0.0.1:${raw}?journal=raw&replay=${rawReplay}`]
  }
  await Promise.all(Object.entries(instances).map(async ([role, [name = '', ...args]]) => {
    mkdirSync(join(config, `${role}s`), { recursive: true })
    writeFileSync(join(config, `${role}s`, name), args.join('\n'))
    await startReady(t, role, '--name', name, '--state', state, '--statsd', statsd, '--interval', '1', `@${join(config, `${role}s`, name)}`)
  }))
  return { port, state, config }
}

const events: Readonly<Record<string, object>> = { DemoButtonClick: { button: 'save', clicks: 1 }, NavigationTiming: { isAnon: true } }
const tickMs = 100

/** Datagrams of application servers, so many a second of each schema. */
function startTraffic (t: Test, port: number, first: Record<string, number>): { set (rates: Record<string, number>): void } {
  let rates = first
  const owed = new Map<string, number>()
  const socket = createSocket('udp4')
  const timer = setInterval(() => {
    for (const [schema, rate] of Object.entries(rates)) {
      let due = (owed.get(schema) ?? 0) + rate * tickMs / 1000
      for (; due >= 1; due--) socket.send(`EventLogging ${JSON.stringify({ schema, revision: 1, wiki: 'enwiki', recvFrom: 'mw1', timestamp: Date.now() / 1000, event: events[schema] })}\n`, port, '127.0.0.1')
      owed.set(schema, due)
    }
  }, tickMs)
  t.teardown(() => {
    clearInterval(timer)
    socket.close()
  })
  return { set (next) { rates = next } }
}

/** As `make install` puts it, and Icinga finds it. */
function pathWithVanadium (directory: string): string {
  const path = join(directory, '..', 'bin')
  mkdirSync(path)
  symlinkSync(executable, join(path, 'vanadium'))
  return path
}

/** What an operator writes, with times of a test. */
function configuration ({ graphite, mail, state, config }: Pick<Pipeline, 'state' | 'config'> & { graphite: string, mail: string }): string {
  const registry = join(config, '..', 'registry.yaml')
  writeFileSync(registry, `operators: [operators@example.org]
graphite: ${graphite}
graphite-link: https://graphite.example.org
documentation: https://docs.example.org
mail: { from: vanadium@example.org, via: '${mail}' }
schemas:
  NavigationTiming: { owners: [navigation@example.org] }
  DemoButtonClick: { owners: [demo@example.org] }
`)
  return `
object Host "vanadium1" {
  check_command = "dummy"
  vars.vanadium = true
  vars.vanadium_without = [ "vanadium-schemas", "vanadium-invalid", "vanadium-difference", "vanadium-inserted", "vanadium-journal", "vanadium-ledger", "vanadium-purge" ]
  vars.vanadium_registry = "${registry}"
  vars.vanadium_state = "${state}"
  vars.vanadium_config = "${config}"
  vars.vanadium_check_interval = 4s
  vars.vanadium_retry_interval = 2s
  vars.vanadium_max_check_attempts = 3
  vars.vanadium_rate_warning = 20
  vars.vanadium_rate_critical = 40
  vars.vanadium_rate_percent = 50
  vars.vanadium_rate_from = "-10s"
  vars.vanadium_statsd_from = "-20s"
  vars.vanadium_notify_window = 5
}
`
}
