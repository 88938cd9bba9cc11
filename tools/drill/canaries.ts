import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf, StreamError } from '../../lib/errors.js'
import type { Context } from '../../lib/stream/contracts.js'
import { newCanary } from '../check/canary/event.js'
import type { Front } from '../check/canary/front.js'

export const canariesPerSecond = 5
const everyMs = 1000 / canariesPerSecond
/** A front that does not answer has no share in the next canary. */
const sendMs = 2000

/** Canaries on their way in, the same ones at each front. */
export interface Canaries {
  /** When each was sent, in milliseconds since 1970: no two at the same time, so this tells which is which. */
  readonly sent: ReadonlySet<number>
  /** How often a front did not take one, and why the last time. */
  readonly refused: ReadonlyMap<string, { readonly times: number, readonly reason: string }>
  /** Resolves when the last one is sent. */
  stop (): Promise<void>
}

/** Sends until `stop`. `name` is what their rows are found by; a canary that no front took was not sent. */
export function startCanaries (fronts: readonly Front[], { host, name }: { host: string, name: string }, ctx: Context): Canaries {
  const sent = new Set<number>()
  const refused = new Map<string, { times: number, reason: string }>()
  const over = new AbortController()
  const signal = AbortSignal.any([ctx.stop, over.signal])

  async function sendTo (front: Front, capsule: object): Promise<boolean> {
    try {
      await front.send(capsule, ctx, AbortSignal.timeout(sendMs))
      return true
    } catch (error) {
      if (!(error instanceof StreamError)) throw error
      refused.set(front.name, { times: (refused.get(front.name)?.times ?? 0) + 1, reason: messageOf(error) })
      return false
    }
  }

  async function run (): Promise<void> {
    let lastMs = 0
    while (!signal.aborted) {
      const began = performance.now()
      lastMs = Math.max(Date.now(), lastMs + 1)
      const { canary, capsule } = newCanary(host, name, lastMs)
      const taken = await Promise.all(fronts.map(async front => await sendTo(front, capsule)))
      if (taken.includes(true)) sent.add(canary.sent)
      await sleep(Math.max(0, everyMs - (performance.now() - began)), undefined, { signal }).catch(() => {})
    }
  }

  const running = run()
  // it is thrown by stop()
  running.catch(() => {})
  return {
    sent,
    refused,
    async stop () {
      over.abort()
      await running
    }
  }
}
