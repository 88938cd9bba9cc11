import type { Params } from '../stream/contracts.js'

export interface ZmqParams {
  hwm: number
  'max-message': number
}

/** The options of every ZeroMQ stream, reader or writer. */
export const zmqParams = {
  hwm: {
    type: 'integer',
    minimum: 1,
    maximum: 2 ** 31 - 1,
    default: 50_000,
    description: 'Messages that are held for each connection; beyond it the publisher drops, silently. Memory: 50,000 records of 1 KB are about 60 MB; give less for larger records.'
  },
  'max-message': {
    type: 'integer',
    minimum: 1024,
    maximum: 64 << 20,
    default: 8 << 20,
    description: 'Bytes. A writer refuses a longer record; a reader that is sent one drops the connection and makes a new one.'
  }
} as const satisfies Params<ZmqParams>['properties']

/**
 * A peer that vanished without a word is noticed within a minute, and one that is back is found within a second or so. Names
 * are looked up at each attempt. No ZMTP heartbeats: old and foreign implementations do not answer them.
 */
export const keepAlive = {
  tcpKeepalive: 1,
  tcpKeepaliveIdle: 30,
  tcpKeepaliveInterval: 10,
  tcpKeepaliveCount: 3,
  reconnectInterval: 100,
  reconnectMaxInterval: 1000,
  connectTimeout: 5000
} as const

/** What a writer refuses. */
export function longestMessage (bytes: number): { bytes: number, code: 'too-long', takes: string } {
  return { bytes, code: 'too-long', takes: `a message at most ${bytes} (option max-message)` }
}
