import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import type { Test } from 'tap'

/** A mail as it came, its parts decoded. */
export interface ReceivedMail {
  readonly to: readonly string[]
  readonly subject: string
  readonly headers: string
  readonly text: string
  readonly html: string
}

/** A real SMTP server that keeps what it gets; ends with the test. */
export interface Mailbox {
  /** For `mail/via`. */
  readonly via: string
  readonly mails: ReceivedMail[]
  /** Addresses that are refused, as long as they are in here. */
  readonly refused: Set<string>
}

export async function openMailbox (t: Test, options: SMTPServerOptions = { hideSTARTTLS: true }): Promise<Mailbox> {
  const mails: ReceivedMail[] = []
  const refused = new Set<string>()
  const server = new SMTPServer({
    authOptional: true,
    ...options,
    onRcptTo ({ address }, _session, done) { done(refused.has(address) ? new Error('no such mailbox') : null) },
    onData (stream, { envelope }, done) {
      text(stream).then(source => {
        mails.push({ to: envelope.rcptTo.map(({ address }) => address), ...parse(source) })
        done()
      }, done)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  t.teardown(async () => { await new Promise<void>(resolve => { server.close(() => { resolve() }) }) })
  return { via: `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`, mails, refused }
}

function parse (source: string): Omit<ReceivedMail, 'to'> {
  const [head = ''] = source.split('\r\n\r\n', 1)
  return { subject: decodedWords(header(head, 'Subject')), headers: head, text: part(source, 'text/plain'), html: part(source, 'text/html') }
}

function header (head: string, name: string): string {
  return new RegExp(`^${name}: (.*(?:\\r\\n[ \\t].*)*)`, 'im').exec(head)?.[1]?.replace(/\r\n[ \t]/g, ' ') ?? ''
}

/** The first part of that type. */
function part (source: string, type: string): string {
  const at = source.search(/\r\n\r\n/)
  const [head, body] = [source.slice(0, at), source.slice(at + 4)]
  const boundary = /boundary="?([^";\r\n]+)"?/i.exec(header(head, 'Content-Type'))?.[1]
  if (boundary !== undefined) return body.split(`--${boundary}`).slice(1).map(inner => part(inner.replace(/^\r\n/, ''), type)).find(found => found !== '') ?? ''
  return header(head, 'Content-Type').startsWith(type) ? decoded(body, header(head, 'Content-Transfer-Encoding')) : ''
}

function decoded (body: string, encoding: string): string {
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString()
  return (encoding === 'quoted-printable' ? quotedPrintable(body.replace(/=\r\n/g, '')) : body).replaceAll('\r\n', '\n')
}

function quotedPrintable (body: string): string {
  return Buffer.from(body.replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))), 'latin1').toString()
}

function decodedWords (value: string): string {
  return value.replace(/\?= =\?/g, '?==?').replace(/=\?utf-8\?([QB])\?([^?]*)\?=/gi, (_, kind: string, word: string) =>
    kind.toUpperCase() === 'B' ? Buffer.from(word, 'base64').toString() : quotedPrintable(word.replaceAll('_', ' ')))
}
