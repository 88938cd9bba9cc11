import { setTimeout as sleep } from 'node:timers/promises'
import { createTransport } from 'nodemailer'
import { codeOf, messageOf, StreamError } from '../errors.js'
import { withPassword } from '../file/secret-file.js'
import type { MailOptions } from '../registry/registry.js'
import type { Html } from './html.js'

export interface Mail {
  /** Addresses, at least one. */
  readonly to: readonly string[]
  readonly subject: string
  /** The whole, for whoever reads no HTML. */
  readonly text: string
  /** The body of the page. */
  readonly html: Html
  /** Shown where the HTML says `<img src="cid:NAME">`. */
  readonly pictures?: ReadonlyArray<{ readonly name: string, readonly png: Buffer }>
  /** More headers: `Auto-Submitted` is always there, so that no holiday notice answers. */
  readonly headers?: Readonly<Record<string, string>>
}

/** A recipient whom the mail server does not take, while it takes others. */
export interface Refused {
  readonly address: string
  readonly reason: string
  /** It may be taken later. */
  readonly isTemporary: boolean
}

/**
 * Resolves when the mail was taken, within `timeoutMs`, with the recipients for whom it was not. Throws `StreamError` if nobody gets it;
 * `isTemporary` tells whether it may be taken later: nothing is tried again here, whoever calls does.
 */
export async function sendMail ({ from, via, passwordFile = null }: MailOptions, { to, subject, text, html, pictures = [], headers }: Mail, timeoutMs = 20_000): Promise<readonly Refused[]> {
  const transport = via.startsWith('/')
    ? createTransport({ sendmail: true, path: via, newline: 'unix' })
    : createTransport({ url: withPassword(via, passwordFile, 'mail/password-file'), ignoreTLS: isHere(via), connectionTimeout: timeoutMs, greetingTimeout: timeoutMs, socketTimeout: timeoutMs, disableFileAccess: true, disableUrlAccess: true })
  const timer = new AbortController()
  try {
    const sent = transport.sendMail({
      from: { name: 'vanadium', address: from },
      to: [...to],
      // what is in it may come from events
      subject: subject.replace(/\s+/g, ' ').slice(0, 200),
      text,
      html: `<!doctype html><html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"></head><body style="font-family:sans-serif">${html.text}</body></html>`,
      headers: { 'Auto-Submitted': 'auto-generated', ...headers },
      attachments: pictures.map(({ name, png }) => ({ filename: `${name}.png`, content: png, cid: name, contentType: 'image/png', contentDisposition: 'inline' as const }))
    })
    return refusedIn(await Promise.race([sent, late(timeoutMs, timer.signal)]))
  } catch (error) {
    throw new StreamError('cannot-write', `mail to ${to.join(', ')} was not taken by ${safe(via)}: ${messageOf(error)}`, { cause: error })
  } finally {
    timer.abort()
    transport.close()
  }
}

/** What a sendmail program does not take, it tells by mail. */
function refusedIn ({ rejected, rejectedErrors = [] }: Answer): Refused[] {
  return (rejected ?? []).map(one => {
    const address = typeof one === 'string' ? one : one.address
    const error = rejectedErrors.find(({ recipient }) => recipient === address)
    return { address, reason: error === undefined ? 'refused' : messageOf(error), isTemporary: isPassing(error) }
  })
}

/** Of nodemailer. */
interface Answer {
  readonly rejected?: ReadonlyArray<string | { readonly address: string }>
  readonly rejectedErrors?: ReadonlyArray<Error & { readonly recipient?: string }>
}

/** Whether the same mail may be taken later: of an error of `sendMail`. */
export function isTemporary (error: StreamError): boolean {
  return isPassing(error.cause)
}

/** That the server cannot be reached is temporary, and so is an answer of 400 to 499. */
function isPassing (cause: unknown): boolean {
  if (['ECONNECTION', 'ESOCKET', 'ETIMEDOUT', 'EDNS'].includes(codeOf(cause) ?? '')) return true
  const answer = typeof cause === 'object' && cause !== null && 'responseCode' in cause ? Number(cause.responseCode) : NaN
  return answer >= 400 && answer < 500
}

/** Nobody is in between, and the certificate of a mail server for its own host is mostly one that it has made itself. */
function isHere (via: string): boolean {
  return via.startsWith('smtp:') && ['localhost', '127.0.0.1', '[::1]'].includes(new URL(via).hostname)
}

/** A mail program, or a server that sends a byte now and then, may take for ever. */
async function late (timeoutMs: number, signal: AbortSignal): Promise<never> {
  await sleep(timeoutMs, undefined, { signal })
  throw new Error(`no answer in ${Math.round(timeoutMs / 1000)} s`)
}

/** Without a password. */
function safe (via: string): string {
  if (via.startsWith('/')) return via
  return URL.canParse(via) ? `${new URL(via).protocol}//${new URL(via).host}` : 'what the registry gives'
}
