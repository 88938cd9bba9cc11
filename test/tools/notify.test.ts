import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { html } from '../../lib/mail/html.js'
import { sendMail } from '../../lib/mail/mail.js'
import { executable, startReady } from '../helpers/daemon.js'
import { needsGraphite, startGraphite, type Point } from '../helpers/graphite.js'
import { decodePng } from '../helpers/png.js'
import { freePort, stablePort } from '../helpers/ports.js'
import { startSmtpSink } from '../helpers/smtp-sink.js'
import { until } from '../helpers/wait.js'

const weekSeconds = 7 * 86_400
const alert = ['--type=PROBLEM', '--host=vanadium1', '--service=vanadium-rate', '--alert-state=CRITICAL', '--output=CRITICAL: overall.raw.rate: 412, 13 of 14 points above 350\nmore']

interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  readonly ms: number
}

/** `vanadium notify`, without what this host may have under /etc and /var. */
async function notify (t: Test, options: { graphite?: string, via?: string, operators?: string }, ...args: string[]): Promise<Ran> {
  const { graphite = `http://127.0.0.1:${await freePort()}`, via = '/nowhere', operators = 'operators@example.org' } = options
  const registry = join(t.testdirName, `registry-${randomUUID()}.yaml`)
  writeFileSync(registry, `operators: [${operators}]
graphite: ${graphite}
graphite-link: https://graphite.example.org
documentation: https://docs.example.org
mail: { from: vanadium@example.org, via: '${via}' }
schemas:
  NavigationTiming: { owners: [navigation@example.org] }
  Echo: { owners: [echo@example.org] }
`)
  const beganMs = Date.now()
  return await new Promise(resolve => {
    execFile(process.execPath, [executable, 'notify', '--registry', registry, '--state', t.testdirName, ...args], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr, ms: Date.now() - beganMs })
    })
  })
}

t.beforeEach(t => { t.testdir({}) })

t.test('the cause is found by comparing schemas with last week', { skip: needsGraphite }, async t => {
  const graphite = await startGraphite({ retentions: '60s:15d' })
  t.teardown(graphite.stop)
  const sink = await startSmtpSink()
  t.teardown(sink.stop)
  const minutes = Array.from({ length: 60 }, (_, minute) => Math.floor(Date.now() / 1000) - minute * 60)
  const rates: Record<string, readonly [now: number, before: number | null]> = {
    'schema.NavigationTiming': [401, 33.4], 'schema.Echo': [2, 4], 'schema.Steady': [50, 49], 'schema.Brand_New': [3, null], 'schema.Silent': [0, 7], 'overall.raw': [460, 100], 'schema.Echo.invalid': [9, 1]
  }
  await graphite.write(Object.entries(rates).flatMap(([name, [now, before]]) => minutes.flatMap((time): Point[] =>
    [[`eventlogging.${name}.rate`, now, time], ...(before === null ? [] : [[`eventlogging.${name}.rate`, before, time - weekSeconds + 1800] as const])])))
  for (const name of Object.keys(rates)) await graphite.untilMetric(`eventlogging.${name}.rate`)
  const options = { graphite: graphite.url, via: sink.url }

  await t.test('those that grew or fell are listed, the largest change first, and who grew is in the subject', async t => {
    const { stdout, code } = await notify(t, options, ...alert, '--dry-run')

    t.equal(code, 0)
    t.match(stdout, 'Subject: [vanadium] CRITICAL rate on vanadium1: NavigationTiming 12 times last week\'s\n')
    t.match(stdout, 'To: operators@example.org, navigation@example.org\n')
    t.match(stdout, `Schemas against the same time last week:
  NavigationTiming  401/s  12 times last week's (33.4/s)
  Silent            0/s    nothing, last week 7/s
  Brand_New         3/s    new: last week there was nothing
  Echo              2/s    50 % less than last week (4/s)
`)
    t.notMatch(stdout, 'Steady')
  })

  await t.test('the mail has the graph, with last week and the limits', async t => {
    const { code, stderr } = await notify(t, options, ...alert, '--perfdata=eventlogging.overall.raw.rate=412;~:200;~:350')

    t.equal(code, 0, stderr)
    const [mail] = sink.mails
    t.match(decodePng(mail?.attachments[0]?.content ?? Buffer.alloc(0)), { width: 700, height: 350 })
    t.match(mail?.text, 'https://graphite.example.org/render?')
    const targets = new URL(/Graph: (\S+)/.exec(mail?.text ?? '')?.[1] ?? '').searchParams.getAll('target')
    t.match(targets, [/timeShift\(eventlogging\.overall\.raw\.rate,"7d"\).*last week/, /overall\.raw\.rate/, /schema\.NavigationTiming\.rate/, 'threshold(200,"warning","orange")', 'threshold(350,"critical","red")'])
    t.match(mail?.headers['references'], '<vanadium-rate-vanadium1@alert.vanadium>')
  })

  await t.test('what a plug-in says of schemas is told to their owners, unless it is of invalid events, which vanadium owners tells', async t => {
    const { stdout } = await notify(t, options, '--type=PROBLEM', '--host=h', '--service=vanadium-invalid', '--alert-state=WARNING', '--output=WARNING: Echo: 12 % invalid', '--perfdata=Echo=12%;~:5;~:20;0;100 NavigationTiming=1%;~:5;~:20 overall=6%;~:5;~:20', '--dry-run')

    t.match(stdout, 'To: operators@example.org\n')
    t.match(stdout, 'Subject: [vanadium] WARNING invalid on h: Echo invalid 9 times last week\'s\n')
    const schemas = await notify(t, options, '--type=PROBLEM', '--host=h', '--service=vanadium-schemas', '--alert-state=WARNING', '--output=WARNING: Echo: 2/s', '--perfdata=Echo=2;3: NavigationTiming=401', '--dry-run')
    t.match(schemas.stdout, 'To: operators@example.org, echo@example.org\n')
    t.match(schemas.stdout, 'Subject: [vanadium] WARNING schemas on h: Echo 50 % less than last week\n')
    t.match(schemas.stdout, 'operations.md#alert-vanadium-schemas')
  })

  await t.test('Graphite without anything of last week says what is most now', async t => {
    const { stdout } = await notify(t, options, ...alert, '--prefix=other', '--dry-run')

    t.match(stdout, 'Subject: [vanadium] CRITICAL rate on vanadium1: overall.raw.rate: 412, 13 of 14 points above 350\n')
    t.match(stdout, 'Graphite has nothing')
  })
})

t.test('without Graphite the mail goes out without the graph, says why, and in time', async t => {
  const answers: Record<string, [RequestListener, says: RegExp]> = {
    'it fails': [(_request, response) => { response.writeHead(500).end() }, /Graphite answered 500/],
    'it hangs': [() => {}, /Graphite did not answer in/],
    'it sends something else': [(_request, response) => { response.end('<html>') }, /Graphite sent something else/]
  }
  for (const [what, [listener, says]] of Object.entries(answers)) {
    const sink = await startSmtpSink()
    t.teardown(sink.stop)
    const server = createServer(listener).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => { server.closeAllConnections(); server.close() })
    const graphite = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

    const { code, stderr, ms } = await notify(t, { graphite, via: sink.url }, ...alert, '--timeout=6')

    t.equal(code, 0, `${what}: ${stderr}`)
    t.match(sink.mails[0]?.text, new RegExp(`cannot be told: ${says.source}`), what)
    t.match(sink.mails[0]?.text, new RegExp(`No graph: ${says.source}`), what)
    t.match(sink.mails[0]?.html, /No graph: /, what)
    t.strictSame(sink.mails[0]?.attachments, [], what)
    t.ok(ms < 12_000, `${what}: ${ms} ms`)
  }
})

t.test('a mail that is not taken is exit code 1 and a line that says why, in time', async t => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => { silent.closeAllConnections(); silent.close() })
  const cases = { 'is away': [`smtp://127.0.0.1:${await freePort()}`, 'ECONNREFUSED'], hangs: [`smtp://127.0.0.1:${(silent.address() as AddressInfo).port}`, 'was not taken'] } as const

  for (const [what, [via, says]] of Object.entries(cases)) {
    const { code, stdout, stderr, ms } = await notify(t, { via }, ...alert, '--timeout=5')

    t.equal(code, 1, what)
    t.equal(stdout, '')
    t.match(JSON.parse(stderr), { level: 'error', message: new RegExp(`operators@example.org did not get the mail: mail to operators@example.org was not taken by smtp://127.0.0.1:\\d+: .*${says === 'was not taken' ? '' : says}`) }, what)
    t.ok(ms < 14_000, `${what}: ${ms} ms`)
  }
})

// each seen to fail when it is tried once
t.test('a mail server that is away for a moment, or defers, gets the mail in the end; nobody gets it twice, and who is refused is named', async t => {
  const port = await stablePort()
  const late = notify(t, { via: `smtp://127.0.0.1:${port}` }, ...alert, '--timeout=30')
  const greylisting = await startSmtpSink({ greylist: true })
  t.teardown(greylisting.stop)
  greylisting.refused.add('gone@example.org')
  // it answers the first of them with 450, this one at once
  await sendMail({ from: 'a@example.org', via: greylisting.url }, { to: ['known@example.org'], subject: '', text: '', html: html`` }).catch(() => {})
  const deferred = await notify(t, { via: greylisting.url }, ...alert, '--to=known@example.org', '--to=new@example.org', '--to=gone@example.org')
  const sink = await startSmtpSink({ port })
  t.teardown(sink.stop)

  t.match(await late, { code: 0, stderr: '' })
  t.equal(sink.mails.length, 1)
  t.strictSame(greylisting.mails.map(({ recipients }) => recipients), [['known@example.org'], ['new@example.org']])
  t.match(deferred, { code: 1, stderr: /"message":"gone@example.org did not get the mail: [^"]*no such mailbox/ })
})

t.test('what strangers wrote stays text: in subject, HTML, and on the command line', async t => {
  const sink = await startSmtpSink()
  t.teardown(sink.stop)
  const hostile = '--to=evil@example.org <script>alert(1)</script>\r\nBcc: evil@example.org'

  const { code, stderr } = await notify(t, { via: sink.url }, '--type=PROBLEM', '--host=h\nBcc: evil@example.org', '--service=vanadium-jobs', '--alert-state=CRITICAL', `--output=${hostile}`, '--comment=@/etc/passwd', `--author=${hostile}`)

  t.equal(code, 0, stderr)
  const [mail] = sink.mails
  t.strictSame(mail?.recipients, ['operators@example.org'])
  t.equal(mail?.headers['bcc'], undefined)
  t.notMatch(mail?.html, '<script>')
  t.match(mail?.html, '&lt;script&gt;alert(1)&lt;/script&gt;')
  t.match(mail?.text, '@/etc/passwd')
})

t.test('a recovery says how long it took, an acknowledgement who it was; nothing is looked for', async t => {
  const now = Math.floor(Date.now() / 1000)
  const recovery = await notify(t, {}, '--type=RECOVERY', '--host=h', '--service=vanadium-lag', '--alert-state=OK', '--output=OK: nobody is behind', `--since=${now}`, `--before=${now - 720}`, '--dry-run')
  const acknowledgement = await notify(t, {}, '--type=ACKNOWLEDGEMENT', '--host=h', '--service=vanadium-lag', '--alert-state=CRITICAL', '--output=CRITICAL: mysql', '--author=ann', '--comment=on it', '--dry-run')

  t.match(recovery.stdout, 'Subject: [vanadium] OK lag on h: over after 12 min\n')
  t.notMatch(recovery.stdout, 'What to do')
  t.match(acknowledgement.stdout, 'Subject: [vanadium] CRITICAL lag on h: acknowledged by ann\n')
  t.match(acknowledgement.stdout, 'ann says:\n  on it\n')
})

t.test('who is behind is named, with how much', async t => {
  const [port, replay] = [await stablePort(), await stablePort()]
  const state = ['--state', t.testdirName]
  const file = join(t.testdirName, 'log')
  const lag = ['--type=PROBLEM', '--host=h', '--service=vanadium-lag', '--alert-state=CRITICAL', '--dry-run']
  const consumer = await startReady(t, 'consumer', '--name', 'log', ...state, '--input', `tcp://127.0.0.1:${port}?as=log`, '--output', `file://${file}`)
  const forwarder = await startReady(t, 'forwarder', '--name', 'lines', ...state, '--input', 'stdin://', '--output', `tcp://127.0.0.1:${port}?journal=lines&replay=${replay}`)
  forwarder.child.stdin.write('one\n')
  await until('the consumer has read', () => existsSync(file) && readFileSync(file, 'utf8') === 'one\n')
  const before = await notify(t, {}, ...lag)
  t.equal(await consumer.stop(), 0)
  forwarder.child.stdin.write('two\nthree\n')

  const elsewhere = await notify(t, {}, ...lag, '--endpoint=vanadium9', '--graphite=http://127.0.0.1:1/')
  t.match(elsewhere.stdout, 'Who is behind:\n  it is not known here: see vanadium check lag -v on vanadium9\n', 'another host')
  t.notMatch(elsewhere.stdout, 'keeps up')
  t.match(elsewhere.stdout, /No graph: Graphite cannot be reached: .*, at http:\/\/127\.0\.0\.1:1$/m)

  t.match(before.stdout, 'nobody: every reader of this host keeps up')
  await until('the mail names it', async () => /consumer log: is down; 2 records behind, the oldest for \d+ s/.test((await notify(t, {}, ...lag)).stdout), 30_000)
})

// seen to fail with 78 without readsRegistry
t.test('a registry with a mistake does not keep an alert from being told', async t => {
  const mail = await notify(t, { graphite: 'nonsense' }, ...alert, '--dry-run')

  t.match(mail, { code: 0, stdout: /The registry has a mistake: owners may not have been told:\n.*:2: graphite: what is given is wrong/ })
})

t.test('a registry without operators, and what is no option, is exit code 78 with what is allowed', async t => {
  const nobody = await notify(t, { operators: '' }, ...alert, '--dry-run')
  const type = await notify(t, {}, '--type=SURPRISE', '--host=h', '--dry-run')
  const since = await notify(t, {}, '--type=PROBLEM', '--host=h', '--since=yesterday', '--dry-run')

  t.strictSame([nobody.code, type.code, since.code], [78, 78, 78])
  t.match(nobody.stderr, /the registry names no operators/)
  t.match(type.stderr, /SURPRISE.*PROBLEM/)
  t.match(since.stderr, /--since \\"yesterday\\": give seconds since 1970/)
})
