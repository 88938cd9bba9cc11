import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import { Publisher } from 'zeromq'
import { RecordError } from '../errors.js'
import { batchLimits, recordsOf } from '../stream/batch.js'
import type { Writer, WriterHandler } from '../stream/contracts.js'
import { attach, checkEndpoint, wantsIpv6 } from '../zmq/endpoint.js'
import { keepAlive, zmqParams, type ZmqParams } from '../zmq/options.js'

export interface TcpWriterParams extends ZmqParams {
  connect: boolean
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
  examples: ['tcp://*:8600', 'tcp://127.0.0.1:8522', 'tcp://collector.example.org:8600?connect=true', 'ipc:///run/vanadium/valid.ipc'],
  params: {
    type: 'object',
    properties: {
      connect: { type: 'boolean', default: false, description: 'Connects to a subscriber that binds, instead of waiting for subscribers.' },
      ...zmqParams
    },
    additionalProperties: false
  },
  check (uri, { connect }) { checkEndpoint(uri, !connect) },
  async open (uri, { connect, hwm, 'max-message': maxMessage }, ctx): Promise<TcpWriter> {
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
    const endpoint = await attach(socket, uri, !connect, ctx)
    let sentInTurn = 0

    function refuse (record: Buffer): void {
      const reason = `the record has ${record.length} bytes, a message at most ${maxMessage} (option max-message)`
      ctx.deadLetters.add(record.toString(), new RecordError('too-long', reason))
    }

    return {
      endpoint,
      async write (batch) {
        const records = recordsOf(batch)
        for (const record of records) {
          // not awaited: a publisher drops rather than refuse or wait, and a closed socket throws
          if (record.length <= maxMessage) void socket.send(record)
          else refuse(record)
        }
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
