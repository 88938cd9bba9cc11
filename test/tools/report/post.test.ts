import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { writeCounts } from '../../helpers/written-counts.js'
import { executable } from '../../helpers/daemon.js'
import { startSmtpSink, type SmtpSink } from '../../helpers/smtp-sink.js'

const dayMs = 24 * 3600_000
const yesterday = Math.floor(Date.now() / dayMs) * dayMs - dayMs
const name = new Date(yesterday).toISOString().slice(0, 10)

interface Host {
  readonly sink: SmtpSink
  run (...args: string[]): Promise<{ code: number, out: string, log: string }>
}

async function host (t: Test, registry: object): Promise<Host> {
  const directory = t.testdir()
  const sink = await startSmtpSink({ startTls: true })
  t.teardown(async () => { await sink.stop() })
  const file = join(directory, 'registry.yaml')
  writeFileSync(file, JSON.stringify({ mail: { via: sink.url }, ...registry }))
  writeCounts(directory, ['Clicks', 'Views', 'Other'].map((schema, n) => ({ timeMs: yesterday + 3600_000, schema, valid: 1000 * (n + 1), invalid: n, spanMs: 3600_000 })))
  return {
    sink,
    run: async (...args) => await new Promise(resolve => {
      execFile(process.execPath, [executable, 'report', '--state', directory, '--registry', file, ...args], (error, out, log) => { resolve({ code: error === null ? 0 : Number(error.code), out, log }) })
    })
  }
}

const registry = {
  operators: ['ops@example.org', 'night@example.org'],
  schemas: { Clicks: { owners: ['ann@example.org'] }, Views: { owners: ['ann@example.org', 'bob@example.org'] }, Unused: { owners: ['eve@example.org'] } }
}

// the server offers TLS with a certificate that nobody has signed: seen to fail without ignoreTLS for this host
t.test('operators get one mail of all, as text and HTML; each owner one of the owner\'s schemas', async t => {
  const { sink, run } = await host(t, registry)

  t.match(await run('--mail', '--owners'), { code: 0, out: '', log: '' })

  t.same(sink.mails.map(({ recipients }) => recipients), [['ops@example.org', 'night@example.org'], ['ann@example.org'], ['bob@example.org']])
  t.same(sink.mails.map(({ subject }) => subject), [`vanadium ${name}: 6,000 valid, 3 invalid`, `vanadium ${name}: 3,000 valid, 1 invalid`, `vanadium ${name}: 2,000 valid, 1 invalid`])
  t.match(sink.mails[0]?.text, /^Other +3,000 /m)
  t.match(sink.mails[0]?.html, />Other<\/td><td align="right" nowrap>3,000<br>/)
  t.notMatch(sink.mails[1]?.text, /Other/)
  t.notMatch(sink.mails[1]?.html, /Other/)
  t.match(sink.mails[2]?.text, /^Views +2,000 /m)
})

t.test('what could not be sent is sent when it is tried again, and nothing else; asked for after that, all is sent again', async t => {
  const { sink, run } = await host(t, registry)
  sink.refused.add('ann@example.org')

  const first = await run('--mail', '--owners')
  sink.refused.clear()
  const second = await run('--mail', '--owners')

  t.match(first, { code: 1, log: /a report could not be sent.*ann@example.org[^]*1 of 3 reports could not be sent to all/ })
  t.match(second, { code: 0 })
  t.same(sink.mails.map(({ recipients: [to] }) => to), ['ops@example.org', 'bob@example.org', 'ann@example.org'])
  t.match(await run('--mail'), { code: 0 })
  t.equal(sink.mails.length, 4)
})

// seen to fail when those whom the server refuses are not looked at
t.test('an operator who is refused gets it when it is tried again, the others do not; an operator who owns a schema gets both', async t => {
  const { sink, run } = await host(t, { ...registry, operators: ['ops@example.org', 'ann@example.org'] })
  sink.refused.add('ops@example.org')

  const first = await run('--mail', '--owners')
  sink.refused.clear()
  const second = await run('--mail', '--owners')

  t.match(first, { code: 1, log: /"level":"error".*"to":"ops@example.org"/ })
  t.match(second, { code: 0 })
  t.same(sink.mails.map(({ recipients }) => recipients), [['ann@example.org'], ['ann@example.org'], ['bob@example.org'], ['ops@example.org']])
})

t.test('without operators, and --owners without --mail, are refused', async t => {
  const { run } = await host(t, {})

  t.match(await run('--mail'), { code: 78, log: /the registry names no operators/ })
  t.match(await run('--owners'), { code: 78, log: /give --mail too/ })
  t.match(await run('--day', 'tomorrow'), { code: 78, log: /--day .*tomorrow.*give a day in UTC as/ })
})
