import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import { Subscriber } from 'zeromq'
import { codeOf, ConfigError } from '../errors.js'
import { batchLimits, batchOfBytes, batchOfRecords } from '../stream/batch.js'
import type { Batch, Context, Reader, ReaderHandler } from '../stream/contracts.js'
import { generatedReader } from '../stream/generated-reader.js'
import { tidyLines } from '../stream/splitter.js'
import { attach, checkEndpoint, claimOf, wantsIpv6 } from '../zmq/endpoint.js'
import { checkKeyFiles, checkSecurity, curveParams, openSecurity, type CurveParams } from '../zmq/curve.js'
import { namePattern } from '../zmq/journal-messages.js'
import { keepAlive, zmqParams, type ZmqParams } from '../zmq/options.js'
import { openJournaledReader } from './tcp-journal.js'

export interface TcpReaderParams extends ZmqParams, CurveParams {
  subscribe: string
  bind: boolean
  as?: string
  from?: 'oldest' | 'newest'
}

export interface TcpReader extends Reader {
  /** Where the socket is, as ZeroMQ writes it; a port 0 has become the real one. */
  readonly endpoint: string
}

/** How long a message is waited for before `ctx.stop` is looked at, in milliseconds. */
const idleMs = 200
/** After `ctx.stop`: the pause that ends what had arrived, and the longest that handing it over may take, in milliseconds. */
const drainPauseMs = 20
const drainMs = 10_000

/**
 * The plain stream (docs/protocol.md). A message is one record; one with newlines is several; of a message with several
 * frames the last is taken, as those before it are a topic. Empty ones are skipped. Connects again, for as long as it
 * takes, whenever a publisher is gone; what is published meanwhile is lost, which a plain stream cannot tell.
 */
export const tcpReader: ReaderHandler<TcpReaderParams> = {
  schemes: ['tcp', 'ipc'],
  summary: 'Subscribes to a ZeroMQ publisher: a message is a record.',
  examples: ['tcp://127.0.0.1:8600', 'tcp://127.0.0.1:8610?as=mysql-m2', 'tcp://collector.example.org:8610?as=mysql-m2&curve=/etc/vanadium/keys/db1.secret&server-key=/etc/vanadium/keys/collector.public', 'tcp://127.0.0.1:8600?bind=true', 'ipc:///run/vanadium/valid.ipc'],
  params: {
    type: 'object',
    properties: {
      subscribe: { type: 'string', default: '', description: 'Takes only records that begin with this; empty takes all.' },
      bind: { type: 'boolean', default: false, description: 'Waits for publishers to connect, instead of connecting to one.' },
      as: { type: 'string', pattern: namePattern, description: 'Name of this subscriber of a journaled stream: nothing is missed, and after a restart it goes on where it was.' },
      from: { type: 'string', enum: ['oldest', 'newest'], description: 'With as: where to begin the first time; by default at the oldest record that the journal has.' },
      ...curveParams,
      ...zmqParams
    },
    additionalProperties: false
  },
  check (uri, params) {
    const { bind, as, from, subscribe } = params
    checkEndpoint(uri, bind)
    checkSecurity(uri, params, { binds: bind, publishes: false })
    if (as === undefined && from !== undefined) throw new ConfigError('bad-uri', `${uri.text}: option "from" is for a journaled stream; give the subscriber a name: as=NAME`)
    if (as !== undefined && bind) throw new ConfigError('bad-uri', `${uri.text}: a journaled stream is fetched from, so its subscriber cannot wait for it; leave out bind=true`)
    if (as !== undefined && subscribe !== '') throw new ConfigError('bad-uri', `${uri.text}: of a journaled stream all records are read; leave out "subscribe", or use filter:`)
  },
  checkSecrets: (_uri, params) => { checkKeyFiles(params) },
  claims: (uri, { bind }) => bind ? [claimOf(uri)] : [],
  async open (uri, params, ctx): Promise<TcpReader> {
    const { subscribe, bind, as, from = 'oldest', hwm, 'max-message': maxMessageSize } = params
    const security = await openSecurity(uri, params, ctx)
    if (as !== undefined) return await openJournaledReader(uri, { as, from, security, maxMessage: maxMessageSize }, ctx)
    const socket = new Subscriber({ receiveHighWaterMark: hwm, maxMessageSize, ipv6: wantsIpv6(uri), linger: 0, ...keepAlive })
    socket.subscribe(subscribe)
    const endpoint = await attach(socket, uri, bind, security, ctx)
    return { endpoint, ...generatedReader(batches(socket, hwm, ctx), { release: () => { socket.close() } }) }
  }
}

/** Ends when the socket is closed; after `ctx.stop`, when what the socket holds is handed over. */
async function * batches (socket: Subscriber, hwm: number, ctx: Context): AsyncGenerator<Batch> {
  while (!ctx.stop.aborted && !socket.closed) {
    const { batch } = await take(socket, idleMs)
    if (batch !== null) yield batch
    // messages that are there resolve without leaving the microtask queue; signals and timers must get their turn
    await turnOfTheLoop()
  }
  yield * drain(socket, hwm, ctx)
}

/**
 * Closing a socket throws away what it has received. As many messages are taken as it can hold, so that a publisher that goes
 * on sending cannot hold up the end.
 */
async function * drain (socket: Subscriber, hwm: number, ctx: Context): AsyncGenerator<Batch> {
  const deadline = Date.now() + drainMs
  for (let left = hwm; left > 0 && !socket.closed;) {
    if (Date.now() > deadline && socket.readable) {
      ctx.log.error('stopped before everything received was handed over; the rest is lost', { endpoint: socket.lastEndpoint })
      return
    }
    const { messages, batch } = await take(socket, drainPauseMs)
    if (messages === 0) return
    left -= messages
    if (batch !== null) yield batch
  }
}

/** What has arrived, up to the limits of a batch; the first message is waited for. No message if none came in time. */
async function take (socket: Subscriber, waitMs: number): Promise<{ messages: number, batch: Batch | null }> {
  const records: Buffer[] = []
  let messages = 0
  let bytes = 0
  try {
    socket.receiveTimeout = waitMs
    while (messages < batchLimits.records && bytes < batchLimits.bytes) {
      const frames = await socket.receive()
      if (messages++ === 0) socket.receiveTimeout = 0
      const record = frames[frames.length - 1]
      if (record === undefined || record.length === 0) continue
      records.push(record)
      bytes += record.length
    }
  } catch (error) {
    if (!socket.closed && codeOf(error) !== 'EAGAIN') throw error
  }
  const joined = batchOfRecords(records)
  return { messages, batch: joined === null ? null : batchOfBytes(tidyLines(joined.payload)) }
}
