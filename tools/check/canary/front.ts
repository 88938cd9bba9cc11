import { setTimeout as sleep } from 'node:timers/promises'
import type { Transports } from '../../../lib/cli/command.js'
import { ConfigError, messageOf, StreamError } from '../../../lib/errors.js'
import type { Log } from '../../../lib/log.js'
import { batchOfLines } from '../../../lib/stream/batch.js'
import type { Context, Writer } from '../../../lib/stream/contracts.js'
import { hidePasswords, streamOf } from '../../../lib/stream/uri.js'

/** Where events come in. */
export interface Front {
  /** Without password and options. */
  readonly name: string
  /** Throws `StreamError` when it is known that the event did not get in. May be called again. */
  send (capsule: object, ctx: Context, signal: AbortSignal): Promise<void>
}

/** A beacon if it is a URL, or else a stream that takes lines as application servers send them. Throws `ConfigError`. */
export function frontOf (text: string, { writers }: Pick<Transports, 'writers'>): Front {
  if (/^https?:/i.test(text)) return beacon(text)
  const { uri } = writers.check(text)
  if (['mysql', 'sqlite', 'statsd'].includes(uri.scheme)) throw new ConfigError('bad-option', `--send ${uri.text}: events come in at the front of the pipeline; give udp://host:port or the URL of a beacon`)
  return lines(text, writers)
}

/** Where the same event comes in on several hosts. Throws `ConfigError`. */
export function frontsOf (texts: readonly string[], transports: Pick<Transports, 'writers'>): Front[] {
  return texts.map(text => frontOf(text, transports))
}

/** Of all together, as long as the schema lets it be; without a blank, which would end a line of an application server. */
export function nameOf (fronts: readonly Front[]): string {
  return fronts.map(({ name }) => name).join(',').slice(0, 255)
}

function beacon (text: string): Front {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || url.search !== '' || url.username !== '' || url.password !== '') {
    throw new ConfigError('bad-option', `--send "${hidePasswords(text)}": give the URL of a beacon without a query, http://host/event.gif`)
  }
  return {
    name: `${url.origin}${url.pathname}`,
    async send (capsule, _ctx, signal) {
      const response = await get(`${url.href}?${encodeURIComponent(JSON.stringify(capsule))};`, signal)
      await response.body?.cancel()
      if (!response.ok) throw new StreamError('cannot-write', `HTTP status ${response.status}`)
    }
  }
}

async function get (url: string, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch(url, { signal, redirect: 'manual', headers: { connection: 'close' } })
  } catch (error) {
    throw new StreamError('cannot-write', messageOf(error instanceof Error && error.cause !== undefined ? error.cause : error), { cause: error })
  }
}

/** A datagram that nobody takes is refused soon, or never. */
const refusalMs = 50

/** Lines as application servers send them. */
function lines (text: string, writers: Transports['writers']): Front {
  let writer: Writer | null = null
  let complaint: string | null = null
  return {
    name: streamOf(text),
    async send (capsule, ctx, signal) {
      // what a writer complains of is this check's result, and nothing for a log
      const quiet = Object.create(ctx, { log: { value: listening(reason => { complaint = reason }) } }) as Context
      complaint = null
      const batch = batchOfLines([`EventLogging ${JSON.stringify(capsule)}`])
      writer ??= await writers.open(text, quiet)
      if (batch !== null) await writer.write(batch)
      await writer.flush()
      await sleep(refusalMs, undefined, { signal }).catch(() => {})
      if (complaint !== null) throw new StreamError('cannot-write', complaint)
    }
  }
}

function listening (told: (reason: string) => void): Log {
  const tell: Log['error'] = (message, fields) => { told(typeof fields?.['reason'] === 'string' ? fields['reason'] : message) }
  return { error: tell, warn: tell, info: () => {}, debug: () => {}, enabled: () => false, flush: () => {} }
}
