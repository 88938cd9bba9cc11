import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../../lib/errors.js'
import { newCanary } from './canary/event.js'
import { frontsOf, nameOf, type Front } from './canary/front.js'
import { judge } from './canary/judge.js'
import { canaryRows, type CanaryRows, type ReadProblem, type Sighting } from './canary/rows.js'
import { databaseTarget } from './database.js'
import { defineCheck, type CheckContext } from './plug-in.js'

const lookMs = 200
const sendAgainMs = 1000

export const canary = defineCheck({
  name: 'canary',
  summary: 'Sends an event in at the front and reads its row back from the database: whether what comes in arrives, and how soon.',
  examples: [
    ['vanadium check canary --send udp://127.0.0.1:8421 --read mysql://127.0.0.1/log?defaults-file=/etc/vanadium/canary.cnf', 'the way of application servers'],
    ['vanadium check canary --send http://127.0.0.1/event.gif --read sqlite:///var/lib/vanadium/events.sqlite', 'the way of browsers, through a beacon'],
    ['vanadium check canary --send udp://db1.example.org:8421 udp://db2.example.org:8421 --read mysql://db.example.org/log?defaults-file=/etc/vanadium/canary.cnf', 'of two hosts that share a lease: both get it, as they get all events'],
    ['vanadium check canary @/etc/vanadium/canary.args -w 60 -c 180', 'warns when the newest row is older than a minute']
  ],
  notes: 'Ranges are of the age of the newest canary of this host and front that has a row, in seconds. This one\'s row is waited for\n' +
    'during nine tenths of --timeout. A database or a front that refuses, and a table without a canary of the last day, are CRITICAL\n' +
    'at once; a database that does not let the account look is UNKNOWN. How to set it up: docs/operations.md.\n\n',
  options: {
    send: { type: 'string', array: true, demandOption: true, requiresArg: true, description: 'Where events come in: a stream that takes lines "EventLogging {…}", or the URL of a beacon; of several hosts that get the same events, all: the canary goes to each' },
    read: { type: 'string', demandOption: true, requiresArg: true, description: 'Where rows are: mysql: or sqlite:, as the output of the consumer has it; the account needs SELECT on Canary_1' }
  },
  ranges: { warning: '120', critical: '300' },
  // it sends, and its database is what a consumer writes
  light: false,
  prepare ({ send, read }, _common, _ranges, transports) {
    const fronts = frontsOf(send, transports)
    const front = nameOf(fronts)
    const target = databaseTarget('--read', read, transports)

    return async ctx => {
      const { canary, capsule } = newCanary(hostname(), front)
      const over = new AbortController()
      const signal = AbortSignal.any([ctx.stop, over.signal])
      const timer = setTimeout(() => { over.abort() }, ctx.timeoutMs)
      try {
        const sending = keepSending(fronts, capsule, ctx, signal)
        const { seenMs, last } = await watch(canaryRows(target, canary, signal), signal)
        return judge({ seenMs, last, sentMs: canary.sent, sendProblem: sending.problem, nowMs: Date.now(), front, database: target.name }, ctx)
      } finally {
        clearTimeout(timer)
        over.abort()
      }
    }
  }
})

/**
 * Sends to each until it gets in: whatever is started again right now deserves another try. That one of several takes it is enough: of a host that is down, the
 * others have it.
 */
function keepSending (fronts: readonly Front[], capsule: object, { command }: CheckContext, signal: AbortSignal): { readonly problem: string | null } {
  const problems = new Map(fronts.map(({ name }) => [name, 'no answer']))
  let isIn = false
  for (const front of fronts) {
    void (async () => {
      while (!signal.aborted) {
        try {
          await front.send(capsule, command, signal)
          isIn = true
          return
        } catch (error) {
          if (signal.aborted) return
          problems.set(front.name, messageOf(error))
        }
        await sleep(sendAgainMs, undefined, { signal }).catch(() => {})
      }
    })()
  }
  return {
    get problem () {
      if (isIn) return null
      return [...problems].map(([name, reason]) => fronts.length === 1 ? reason : `${name}: ${reason}`).join(', ')
    }
  }
}

interface Watched {
  readonly seenMs: number | null
  /** Null if the database did not answer at all the last time. */
  readonly last: Sighting | ReadProblem | null
}

/** Looks again and again until the row is there, or `signal` says that the time is over. */
async function watch (rows: CanaryRows, signal: AbortSignal): Promise<Watched> {
  let last: Watched['last'] = null
  const ended = new Promise<null>(resolve => { signal.addEventListener('abort', () => { resolve(null) }, { once: true }) })
  while (!signal.aborted) {
    const beganMs = Date.now()
    const found = await Promise.race([rows.look(), ended])
    if (found === null || signal.aborted) return { seenMs: null, last: Date.now() - beganMs > patienceMs ? null : last }
    last = found
    if ('isThere' in found && found.isThere) return { seenMs: Date.now(), last }
    await sleep(lookMs, undefined, { signal }).catch(() => {})
  }
  return { seenMs: null, last }
}

/** A look that had only just begun when the time was over says nothing; the one before does. */
const patienceMs = 1000
