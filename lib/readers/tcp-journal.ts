import { Subscriber } from 'zeromq'
import { batchLimits } from '../stream/batch.js'
import type { Context, Reader } from '../stream/contracts.js'
import { generatedReader } from '../stream/generated-reader.js'
import type { Uri } from '../stream/uri.js'
import type { Security } from '../zmq/curve.js'
import { attach, wantsIpv6 } from '../zmq/endpoint.js'
import { LagProbe } from '../zmq/lag-probe.js'
import { keepAlive } from '../zmq/options.js'
import { ReplayClient } from '../zmq/replay-client.js'
import { Subscription, type SubscriptionOptions } from './journal-subscription.js'

export interface JournaledReaderOptions extends SubscriptionOptions {
  readonly security: Security
  /** Bytes of the longest record that a publisher may send. */
  readonly maxMessage: number
  /** The publisher is asked how far the subscriber is behind, and told what it has committed, this often, in milliseconds. */
  readonly askMs?: number
}

export interface JournaledReader extends Reader {
  readonly endpoint: string
}

/** Live messages that wait here while what was missed is fetched; beyond them the publisher drops, and they are fetched too. */
const heldMessages = 32

/**
 * A subscriber that gets every record, in order, once: it knows by the numbers what it missed, whatever the reason, and
 * fetches that from the publisher's journal. It remembers how far it got, under its name.
 */
export async function openJournaledReader (uri: Uri, options: JournaledReaderOptions, ctx: Context): Promise<JournaledReader> {
  const maxMessageSize = options.maxMessage + batchLimits.bytes
  const socket = new Subscriber({ receiveHighWaterMark: heldMessages, maxMessageSize, ipv6: wantsIpv6(uri), linger: 0, ...keepAlive })
  socket.subscribe()
  const endpoint = await attach(socket, uri, false, options.security, ctx)
  const replay = new ReplayClient(uri, { as: options.as, security: options.security, maxMessageSize }, ctx)
  const subscription = new Subscription(socket, replay, uri, options, ctx)
  const probe = new LagProbe(uri, options, ctx, () => subscription.whereabouts)
  return {
    endpoint,
    ...generatedReader(subscription.batches(), {
      commit: position => { subscription.commit(position) },
      release: () => {
        probe.close()
        subscription.close()
      }
    })
  }
}
