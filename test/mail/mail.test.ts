import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { StreamError } from '../../lib/errors.js'
import { html } from '../../lib/mail/html.js'
import { isTemporary, sendMail, type Mail } from '../../lib/mail/mail.js'
import { parseMail, type ReceivedMail } from '../helpers/mail-parts.js'
import { freePort } from '../helpers/ports.js'
import { startSmtpSink } from '../helpers/smtp-sink.js'

const from = 'vanadium@example.org'
const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 255, 10, 46, 10])
const mail: Mail = { to: ['a@example.org', 'b@example.org'], subject: 'größer', text: 'two\n.\nlines, ö\n', html: html`<p>${'<ö>'}</p><img src="cid:graph">`, pictures: [{ name: 'graph', png }] }

/** Every way that mail may leave. */
const ways: Record<string, (t: Test) => Promise<{ via: string, received: () => ReceivedMail }>> = {
  async SMTP (t) {
    const sink = await startSmtpSink()
    t.teardown(sink.stop)
    return { via: sink.url, received: () => sink.mails[0] as ReceivedMail }
  },
  async sendmail (t) {
    const via = script(t, 'printf "%s\\n" "$@" > "$0.args"; cat > "$0.mail"')
    return { via, received: () => parseMail(readFileSync(`${via}.mail`), readFileSync(`${via}.args`, 'utf8').trim().split('\n').filter(arg => arg.includes('@') && arg !== from)) }
  }
}

for (const [way, open] of Object.entries(ways)) {
  t.test(`by ${way} text, HTML and pictures arrive as they are, at every recipient`, async t => {
    const { via, received } = await open(t)

    await sendMail({ from, via }, mail)

    t.strictSame(received().recipients, mail.to)
    t.match(received(), { subject: 'größer', text: mail.text.trimEnd(), headers: { from: `vanadium <${from}>`, 'auto-submitted': 'auto-generated' } })
    t.match(received().html, '<p>&lt;ö&gt;</p><img src="cid:graph">')
    t.strictSame(received().attachments, [{ name: 'graph.png', type: 'image/png', cid: 'graph', content: png }])
  })

  t.test(`by ${way} a subject and headers from strangers add no header and no recipient`, async t => {
    const { via, received } = await open(t)
    const hostile = 'x\r\nBcc: evil@example.org\r\n\r\nbody'

    await sendMail({ from, via }, { ...mail, subject: hostile, headers: { References: hostile } })

    t.strictSame(received().recipients, mail.to)
    t.equal(received().headers['bcc'], undefined)
    t.equal(received().subject, 'x Bcc: evil@example.org body')
    t.equal(received().text.trimEnd(), mail.text.trimEnd())
  })
}

t.test('a long subject is cut', async t => {
  const sink = await startSmtpSink()
  t.teardown(sink.stop)

  await sendMail({ from, via: sink.url }, { ...mail, subject: 'x'.repeat(10_000) })

  t.equal(sink.mails[0]?.subject.length, 200)
})

t.test('who is refused is returned, and the others get the mail', async t => {
  const sink = await startSmtpSink()
  t.teardown(sink.stop)
  sink.refused.add('b@example.org')

  const refused = await sendMail({ from, via: sink.url }, mail)

  t.match(refused, [{ address: 'b@example.org', reason: /550 no such mailbox/, isTemporary: false }])
  t.strictSame(sink.mails.map(({ recipients }) => recipients), [['a@example.org']])
})

t.test('what keeps a mail from being taken is a StreamError, names whom it was for, and has no password', async t => {
  const refusing = await startSmtpSink({ refuse: 'mailbox full' })
  t.teardown(refusing.stop)
  const silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => { silent.close() })
  const { port } = silent.address() as AddressInfo
  const greylisting = await startSmtpSink({ greylist: true })
  t.teardown(greylisting.stop)
  const cases: Record<string, [via: string, says: RegExp, mayPass?: boolean]> = {
    'the server defers': [greylisting.url, /come again later/, true],
    'nobody listens': [`smtp://me:p%40secret@127.0.0.1:${await freePort()}`, /ECONNREFUSED/, true],
    'the server refuses': [refusing.url, /mailbox full/],
    'the server says nothing': [`smtp://127.0.0.1:${port}`, /./],
    'there is no program': ['/nowhere/sendmail', /ENOENT/],
    'the program fails': [script(t, 'cat > /dev/null; exit 75'), /75/],
    'the program hangs': [script(t, 'cat > /dev/null; exec sleep 5'), /no answer in 1 s/]
  }

  for (const [what, [via, says, mayPass = false]] of Object.entries(cases)) {
    const error = await sendMail({ from, via }, mail, 1000).then(() => null, (error: unknown) => error)

    t.type(error, StreamError, what)
    t.match(error, { code: 'cannot-write', message: says }, what)
    if (what !== 'the server says nothing') t.equal(isTemporary(error as StreamError), mayPass, what)
    t.match(String(error), 'a@example.org, b@example.org', what)
    t.notMatch(String(error), 'secret', what)
  }
})

function script (t: Test, body: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'mail-')), 'sendmail')
  t.teardown(() => { rmSync(dirname(path), { recursive: true }) })
  writeFileSync(path, `#!/bin/sh\n${body}\n`, { mode: 0o755 })
  return path
}
