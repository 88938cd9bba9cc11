import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { SMTPServer } from 'smtp-server'
import { parseMail, type ReceivedMail } from './mail-parts.js'
import { until } from './wait.js'

/** A mail server that keeps what it receives. */
export interface SmtpSink {
  /** `smtp://127.0.0.1:port`. */
  readonly url: string
  /** In the order they came. */
  readonly mails: readonly ReceivedMail[]
  /** Addresses for which nothing is taken, as long as they are in here. */
  readonly refused: Set<string>
  /** Resolves with the first mail, past or future, for which `is` holds. */
  received (what: string, is: (mail: ReceivedMail) => boolean, deadlineMs?: number): Promise<ReceivedMail>
  stop (): Promise<void>
}

export interface SmtpSinkOptions {
  /** Offers STARTTLS, with a certificate that nobody has signed. */
  readonly startTls?: boolean
  /** Refuses every mail with this text, after it was sent. */
  readonly refuse?: string
  /** Defers each recipient once, as servers do that do not know the sender yet. */
  readonly greylist?: boolean
  /** 0: any. */
  readonly port?: number
}

export async function startSmtpSink ({ refuse, startTls = false, greylist = false, port: wanted = 0 }: SmtpSinkOptions = {}): Promise<SmtpSink> {
  const mails: ReceivedMail[] = []
  const refused = new Set<string>()
  const deferred = new Set<string>()
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: startTls ? [] : ['STARTTLS'],
    disableReverseLookup: true,
    onRcptTo ({ address }, _session, callback) {
      const isDeferred = greylist && !refused.has(address) && !deferred.has(address)
      deferred.add(address)
      callback(isDeferred ? Object.assign(new Error('come again later'), { responseCode: 450 }) : refused.has(address) ? new Error('no such mailbox') : null)
    },
    onData (stream, { envelope }, callback) {
      void buffer(stream).then(source => {
        if (refuse !== undefined) {
          callback(Object.assign(new Error(refuse), { responseCode: 552 }))
          return
        }
        mails.push(parseMail(source, envelope.rcptTo.map(({ address }) => address)))
        callback()
      })
    }
  })
  // a client that goes away in the middle
  server.on('error', () => {})
  const listening = server.listen(wanted, '127.0.0.1')
  await once(listening, 'listening')
  const { port } = listening.address() as AddressInfo

  return {
    url: `smtp://127.0.0.1:${port}`,
    mails,
    refused,
    async received (what, is, deadlineMs) {
      return await until(`${what} is received`, () => mails.find(is), deadlineMs)
    },
    async stop () { await new Promise<void>(resolve => { server.close(() => { resolve() }) }) }
  }
}
