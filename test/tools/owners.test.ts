import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { writeCounts } from '../helpers/written-counts.js'
import { executable } from '../helpers/daemon.js'
import { at } from '../helpers/history.js'
import { startSmtpSink, type SmtpSink } from '../helpers/smtp-sink.js'

interface Host {
  readonly state: string
  readonly mailbox: SmtpSink
  run (...args: string[]): Promise<{ code: number, out: string, log: string }>
  /** So many events of the schema in the present minute. */
  count (schema: string, valid: number, invalid: number): void
}

async function host (t: Test, schemas: Record<string, readonly string[]>, operators = ['ops@example.org']): Promise<Host> {
  const state = t.testdir()
  const mailbox = await startSmtpSink()
  t.teardown(async () => { await mailbox.stop() })
  const registry = join(state, 'registry.yaml')
  writeFileSync(registry, JSON.stringify({ operators, mail: { via: mailbox.url }, documentation: 'https://docs.example.org', schemas: Object.fromEntries(Object.entries(schemas).map(([name, owners]) => [name, { owners }])) }))
  return {
    state,
    mailbox,
    run: async (...args) => await new Promise(resolve => {
      execFile(process.execPath, [executable, 'owners', '--state', state, '--registry', registry, ...args], (error, out, log) => { resolve({ code: error === null ? 0 : Number(error.code), out, log }) })
    }),
    count (schema, valid, invalid) { writeCounts(state, [{ timeMs: Date.now(), schema, valid, invalid }]) }
  }
}

t.test('an owner is told once what fails, with a sample, escaped; and the next run says nothing', async t => {
  const { state, mailbox, run, count } = await host(t, { Clicks: ['ann@example.org', 'bob@example.org'] })
  count('Clicks', 60, 40)
  writeCounts(state, [], [
    { timeMs: Date.now(), schema: 'Clicks', count: 30, pointer: '/event/action', expected: 'one of "init", "click"', seen: '"<b>clikc</b>"', sample: '{"event":{"action":"<script>"}}' },
    { timeMs: Date.now(), schema: 'Clicks', count: 10, pointer: '/event/n', expected: 'an integer', seen: 'string' },
    { timeMs: Date.now(), schema: 'Other', count: 10, pointer: '/event/other' }
  ])

  t.match(await run(), { code: 0, out: '', log: '' })
  t.match(await run(), { code: 0, out: '', log: '' })

  t.same(mailbox.mails.map(({ recipients }) => recipients).sort(), [['ann@example.org'], ['bob@example.org']])
  const [mail] = mailbox.mails
  t.equal(mail?.subject, 'CRITICAL: 40 % of Clicks is invalid')
  t.match(mail?.text, /^Clicks: 40 % of events do not validate: 40 of 100 in the last 15 min, since \d{4}-\d\d-\d\d \d\d:\d\d UTC\. \(Warning from 5 % on, critical from 20 % on\.\)$/m)
  t.match(mail?.text, /^ +30 {2}\/event\/action {2}one of "init", "click" {2}"<b>clikc<\/b>"$/m)
  t.match(mail?.text, '{"event":{"action":"<script>"}}')
  t.match(mail?.text, 'https://docs.example.org/schema-owners.md')
  t.match(mail?.html, '&lt;b&gt;clikc&lt;/b&gt;')
  t.notMatch(mail?.html, /<script>|<b>clikc/)
  t.notMatch(mail?.text, '/event/other')
  t.match(mail?.headers, { 'auto-submitted': 'auto-generated' })
})

t.test('schemas that fail at once are one mail to an owner, and a line each to the operators if nobody owns them', async t => {
  const names = Array.from({ length: 20 }, (_, n) => `Schema${n}`)
  const { mailbox, run, count } = await host(t, Object.fromEntries([...names.map(name => [name, ['ann@example.org']] as const), ['Nobodys', []]]))
  for (const name of names) count(name, 50, 50)
  count('Nobodys', 50, 60)
  count('Nowhere', 50, 70)
  count('unknown', 0, 9000)

  t.match(await run(), { code: 0 })

  t.equal(mailbox.mails.length, 2)
  const to = (address: string): string => mailbox.mails.find(mail => mail.recipients.includes(address))?.text ?? ''
  t.equal(mailbox.mails.find(mail => mail.recipients.includes('ann@example.org'))?.subject, 'CRITICAL: events of 20 schemas are invalid')
  for (const name of names) t.match(to('ann@example.org'), new RegExp(`^${name}: 50 % of events`, 'm'))
  t.equal(to('ann@example.org').match(/Graph:/g)?.length, 10, 'ten of them at length')
  t.match(to('ops@example.org'), /^unknown: 80 % of all events name no schema.*\nNowhere: 58 %.*\nNobodys: 55 %.*$/m)
})

// seen to fail when the minute in which it was calm again was counted, too
t.test('what is over is told, with how long it lasted and how many events it was', async t => {
  const { state, mailbox, run } = await host(t, { A: ['ann@example.org'] })
  const start = Math.floor(Date.now() / 3600_000) * 3600_000 - 2 * 3600_000
  const count = (minutes: number, valid: number, invalid: number): void => { writeCounts(state, [{ timeMs: start + minutes * 60_000, schema: 'A', valid, invalid }]) }
  const runAt = async (minutes: number): Promise<void> => { t.match(await at(start + minutes * 60_000, async () => await run()), { code: 0, log: '' }, `after ${minutes} minutes`) }

  count(0, 100, 0)
  for (const minutes of [1, 2, 3]) count(minutes, 70, 30)
  await runAt(5)
  for (const minutes of [20, 25, 31]) count(minutes, 1000, 1)
  await runAt(25)
  await runAt(31)
  await runAt(36)

  t.same(mailbox.mails.map(({ subject }) => subject), ['CRITICAL: 23 % of A is invalid', 'OK: events of A validate again'])
  t.match(mailbox.mails[1]?.text, `A: events validate again since ${new Date(start + 25 * 60_000).toISOString().slice(0, 16).replace('T', ' ')} UTC. Too many were invalid from ${new Date(start + 60_000).toISOString().slice(0, 16).replace('T', ' ')} UTC on, for 24 min: 91 of 1,301.`)
})

t.test('a run sends fifty mails at most; the next one sends the others', async t => {
  const { mailbox, run, count } = await host(t, { A: Array.from({ length: 60 }, (_, n) => `owner${n}@example.org`) })
  count('A', 50, 50)

  t.match(await run(), { code: 1, log: /10 mails were not sent; the next run tries again/ })
  t.equal(mailbox.mails.length, 50)
  t.match(await run(), { code: 0 })
  t.equal(new Set(mailbox.mails.map(({ recipients: [to] }) => to)).size, 60)
  t.equal(mailbox.mails.length, 60)
})

t.test('what cannot be sent is sent by the next run, does not hold up others, and is not sent twice', async t => {
  const { mailbox, run, count } = await host(t, { A: ['ann@example.org', 'bob@example.org'] })
  mailbox.refused.add('ann@example.org')
  count('A', 50, 50)

  const first = await run()
  const second = await run()
  mailbox.refused.clear()
  const third = await run()
  const fourth = await run()

  t.match(first, { code: 1, log: /"level":"warn".*a mail could not be sent[^]*"level":"error".*a mail was not sent; the next run tries again/ })
  t.match(second, { code: 1 })
  t.match([third, fourth], [{ code: 0 }, { code: 0 }])
  t.same(mailbox.mails.map(({ recipients }) => recipients), [['bob@example.org'], ['ann@example.org']])
})

// seen to fail when those whom the server refuses are not looked at
t.test('an operator who is refused is told by the next run, and the others are not told again', async t => {
  const { mailbox, run, count } = await host(t, {}, ['ops@example.org', 'night@example.org'])
  mailbox.refused.add('night@example.org')
  count('Nobodys', 50, 60)

  const first = await run()
  mailbox.refused.clear()
  const second = await run()

  t.match(first, { code: 1, log: /"level":"error".*night@example.org/ })
  t.match(second, { code: 0 })
  t.same(mailbox.mails.map(({ recipients }) => recipients), [['ops@example.org'], ['night@example.org']])
})

t.test('where no mail server is, nothing is lost', async t => {
  const { state, mailbox, run, count } = await host(t, { A: ['ann@example.org'] })
  const nowhere = join(state, 'nowhere.yaml')
  writeFileSync(nowhere, JSON.stringify({ mail: { via: 'smtp://127.0.0.1:1' }, schemas: { A: { owners: ['ann@example.org'] } } }))
  count('A', 50, 50)

  t.match(await new Promise(resolve => { execFile(process.execPath, [executable, 'owners', '--state', state, '--registry', nowhere], (error, _out, log) => { resolve({ code: error?.code, log }) }) }), { code: 1, log: /ECONNREFUSED/ })
  t.match(await run(), { code: 0 })
  t.equal(mailbox.mails.length, 1)
})

t.test('--dry-run prints and neither sends nor remembers', async t => {
  const { mailbox, run, count } = await host(t, { A: ['ann@example.org'] })
  count('A', 90, 10)

  const dry = await run('--dry-run')
  const again = await run('--dry-run')

  t.match(dry, { code: 0, out: /^To: ann@example.org\nSubject: WARNING: 10 % of A is invalid\n\nA: 10 %/ })
  t.equal(again.out, dry.out)
  t.equal(mailbox.mails.length, 0)
  t.match(await run(), { code: 0 })
  t.equal(mailbox.mails.length, 1)
})

t.test('where no monitor counts, that is said', async t => {
  const { run } = await host(t, {})

  t.match(await run('--log-level', 'error'), { code: 78, log: /no monitor has a state in it/ })
})
