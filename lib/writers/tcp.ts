import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import { Publisher } from 'zeromq'
import { ConfigError } from '../errors.js'
import { batchLimits, recordsOf } from '../stream/batch.js'
import type { Writer, WriterHandler } from '../stream/contracts.js'
import { parseDuration } from '../stream/duration.js'
import { streamOf } from '../stream/uri.js'
import { checkKeyFiles, checkSecurity, curveParams, openSecurity, type CurveParams } from '../zmq/curve.js'
import { attach, checkEndpoint, claimOf, wantsIpv6 } from '../zmq/endpoint.js'
import { namePattern } from '../zmq/journal-messages.js'
import { keepAlive, longestMessage, zmqParams, type ZmqParams } from '../zmq/options.js'
import { accepted } from './longest.js'
import { openJournaledWriter, replayUri } from './tcp-journal.js'

export interface TcpWriterParams extends ZmqParams, CurveParams {
  connect: boolean
  journal?: string
  replay?: number
  'journal-bytes'?: number
  subscribers?: string
  'journal-age'?: string
}

export interface TcpWriter extends Writer {
  /** Where the socket is, as ZeroMQ writes it; a port 0 has become the real one. */
  readonly endpoint: string
}

/** How long the process stays, after `close`, for subscribers that have not got everything, in milliseconds. */
const lingerMs = 5000
/** What a subscriber subscribes to is no longer than so many bytes; else its connection ends. */
const longestPrefix = 4096
/** A subscriber that no longer acknowledges is given up after so many milliseconds. */
const deafMs = 60_000

/**
 * The plain stream (docs/protocol.md): a record is one message of one frame. Never waits for subscribers: one that is slower
 * than the stream loses what goes beyond `hwm`, without a sign. So `flush` says only that ZeroMQ has the records.
 */
export const tcpWriter: WriterHandler<TcpWriterParams> = {
  schemes: ['tcp', 'ipc'],
  summary: 'Publishes to ZeroMQ subscribers: a record is a message.',
  examples: ['tcp://127.0.0.1:8600', 'tcp://127.0.0.1:8610?journal=all-events&replay=8710', 'tcp://*:8610?journal=all-events&replay=8710&curve=/etc/vanadium/keys/collector.secret&clients=/etc/vanadium/keys/clients', 'tcp://*:8600?insecure=true', 'tcp://127.0.0.1:8600?connect=true', 'ipc:///run/vanadium/valid.ipc'],
  params: {
    type: 'object',
    properties: {
      connect: { type: 'boolean', default: false, description: 'Connects to a subscriber that binds, instead of waiting for subscribers.' },
      journal: { type: 'string', pattern: namePattern, description: 'Name of the journal in which every record is before it is published, numbered: subscribers with a name (option as) lose none. Such a stream is for vanadium\'s own readers.' },
      replay: { type: 'integer', minimum: 0, maximum: 65_535, description: 'With journal: the port at which subscribers fetch what they missed; any free one by default. An ipc: stream has a socket file beside its own instead.' },
      'journal-bytes': { type: 'integer', minimum: 1 << 20, maximum: 2 ** 50, description: 'With journal: bytes of records that are kept for subscribers which have not committed them, 10 GiB by default; beyond that the oldest are lost to them, and counted as `lost`.' },
      'journal-age': { type: 'string', pattern: '^[1-9]\\d{0,3}[hd]$', description: 'With journal: hours or days (36h, 7d) for which records are kept for subscribers which have not committed them, 7d by default; older ones are lost to them, and counted as `lost`. A subscriber that says nothing for so long is forgotten.' },
      subscribers: { type: 'string', pattern: '^[A-Za-z0-9_.-]{1,64}(,[A-Za-z0-9_.-]{1,64})*$', description: 'With journal: names of subscribers, separated by commas, for which everything is kept from the first record on. Others are known from when they first come; what was pruned before, because all that were known had it, they do not get.' },
      ...curveParams,
      ...zmqParams
    },
    additionalProperties: false
  },
  check (uri, params) {
    const { connect, journal, replay, subscribers, 'journal-bytes': mostBytes, 'journal-age': age } = params
    checkEndpoint(uri, !connect)
    checkSecurity(uri, params, { binds: !connect, publishes: true })
    for (const [option, value] of Object.entries({ replay, subscribers, 'journal-bytes': mostBytes, 'journal-age': age })) {
      if (journal === undefined && value !== undefined) throw new ConfigError('bad-uri', `${uri.text}: option "${option}" is for a journaled stream; give it a name: journal=NAME`)
    }
    if (journal !== undefined && connect) throw new ConfigError('bad-uri', `${uri.text}: a journaled stream is fetched from, so it cannot connect to its subscriber; leave out connect=true`)
  },
  checkSecrets: (_uri, params) => { checkKeyFiles(params) },
  claims: (uri, { connect, journal, replay = 0 }) => [
    ...connect ? [] : [claimOf(uri)],
    ...journal === undefined ? [] : [claimOf(replayUri(uri, replay))]
  ],
  async open (uri, params, ctx): Promise<TcpWriter> {
    const { connect, journal, replay = 0, subscribers = '', 'journal-bytes': mostBytes = 10 * 2 ** 30, 'journal-age': age = '7d', hwm, 'max-message': maxMessage } = params
    const security = await openSecurity(uri, params, ctx)
    if (journal !== undefined) return await openJournaledWriter(uri, { journal, replay, security, bounds: { mostBytes, mostAgeMs: parseDuration(age) }, subscribers: subscribers.split(',').filter(Boolean), maxMessage }, ctx)
    const socket = new Publisher({
      sendHighWaterMark: hwm,
      sendTimeout: 0,
      linger: lingerMs,
      // for what subscribers send: their prefixes
      maxMessageSize: longestPrefix,
      tcpMaxRetransmitTimeout: deafMs,
      ipv6: wantsIpv6(uri),
      ...keepAlive
    })
    const endpoint = await attach(socket, uri, !connect, security, ctx)
    let sentInTurn = 0

    return {
      endpoint,
      keepsBooks: true,
      async write (batch) {
        const fit = accepted(batch, streamOf(uri.text), longestMessage(maxMessage), ctx)
        const records = fit === null ? [] : recordsOf(fit)
        // not awaited: a publisher drops rather than refuse or wait, and a closed socket throws
        for (const record of records) void socket.send(record)
        sentInTurn += records.length
        if (sentInTurn < batchLimits.records) return
        sentInTurn = 0
        // the buffers of what was sent are released by the event loop
        await turnOfTheLoop()
      },
      flush: async () => {},
      close: async () => { socket.close() }
    }
  }
}
