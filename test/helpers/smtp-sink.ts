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
  /** Resolves with the first mail, past or future, for which `is` holds. */
  received (what: string, is: (mail: ReceivedMail) => boolean, deadlineMs?: number): Promise<ReceivedMail>
  stop (): Promise<void>
}

export interface SmtpSinkOptions {
  /** Refuses every mail with this text, after it was sent. */
  readonly refuse?: string
}

export async function startSmtpSink ({ refuse }: SmtpSinkOptions = {}): Promise<SmtpSink> {
  const mails: ReceivedMail[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    onData (stream, { envelope }, callback) {
      void buffer(stream).then(source => {
        if (refuse !== undefined) {
          callback(new Error(refuse))
          return
        }
        mails.push(parseMail(source, envelope.rcptTo.map(({ address }) => address)))
        callback()
      })
    }
  })
  // a client that goes away in the middle
  server.on('error', () => {})
  const listening = server.listen(0, '127.0.0.1')
  await once(listening, 'listening')
  const { port } = listening.address() as AddressInfo

  return {
    url: `smtp://127.0.0.1:${port}`,
    mails,
    async received (what, is, deadlineMs) {
      return await until(`${what} is received`, () => mails.find(is), deadlineMs)
    },
    async stop () { await new Promise<void>(resolve => { server.close(() => { resolve() }) }) }
  }
}
