import { messageOf, StreamError } from '../../lib/errors.js'
import type { Counts } from '../../lib/counts/read.js'
import { foldedBefore, hourMs, minuteMs } from '../../lib/counts/tables.js'
import { metricName } from '../../lib/event/tally.js'
import type { Log } from '../../lib/log.js'
import type { Mail, Refused } from '../../lib/mail/mail.js'
import type { SchemaEntry } from '../../lib/registry/entry.js'
import type { Registry } from '../../lib/registry/registry.js'
import { graphLink } from '../dashboards/targets.js'
import type { News } from './episodes.js'
import { operatorMail, ownerMail } from './mail.js'
import type { Memory, Waiting } from './memory.js'

/** Mails of one run; the others are sent by the next. */
const mostMails = 50
/** So many refused one after the other, and it is the mail server: the run ends. */
const mostRefused = 3
const dayMs = 24 * 3600_000

/** Stands for the operators, to whom goes what nobody owns; with an address behind it for one whom the mail of all did not reach. */
export const operators = ''
const oneOperator = 'operator '

export interface Post {
  readonly registry: Registry
  readonly counts: Counts
  readonly prefix: string
  readonly log: Log
  /** Who was refused, while others got it. Throws `StreamError` if nobody did. */
  send (mail: Mail): Promise<readonly Refused[]>
  /** What is in the memory becomes durable. */
  keep (): void
}

/** What the registry says of a schema, which metrics may call otherwise. */
export function finder (registry: Registry): (schema: string) => SchemaEntry {
  const names = new Map(registry.names.map(name => [metricName(name), name]))
  return schema => registry.find(names.get(schema) ?? schema)
}

/** Puts news where it waits for its owners, or for the operators; older news of the same schema is replaced. */
export function address (memory: Memory, news: readonly News[], registry: Registry): void {
  const find = finder(registry)
  for (const one of news) {
    const { owners } = find(one.schema)
    for (const to of owners.length > 0 ? owners : [operators]) {
      if (to === operators) forget(memory, one.schema)
      const { triedMs = 0, news: before = {} } = memory.waiting.get(to) ?? {}
      memory.waiting.set(to, { triedMs, news: { ...before, [one.schema]: one } })
    }
  }
}

/** What one operator did not get is replaced by what all get. */
function forget ({ waiting }: Memory, schema: string): void {
  for (const [to, { triedMs, news }] of waiting) {
    if (to.startsWith(oneOperator)) waiting.set(to, { triedMs, news: Object.fromEntries(Object.entries(news).filter(([name]) => name !== schema)) })
  }
}

/**
 * Sends each of those for whom something waits one mail, whoever waits longest first. What could not be sent stays, for the next run;
 * returns how many. What is for somebody who owns the schema no longer is dropped.
 */
export async function send (memory: Memory, post: Post, nowMs: number): Promise<number> {
  const find = finder(post.registry)
  let sent = 0
  let refused = 0
  for (const [to, waiting] of [...memory.waiting].sort(([, a], [, b]) => a.triedMs - b.triedMs)) {
    const news = stillTheirs(to, waiting, find)
    const mail = news.length === 0 ? null : mailOf(to, news, post, nowMs)
    if (mail === null) {
      memory.waiting.delete(to)
      post.keep()
      continue
    }
    if (sent === mostMails || refused === mostRefused) break
    try {
      const lacking = await post.send(mail)
      memory.waiting.delete(to)
      for (const { address, reason } of lacking) putBack(memory, address, { news: waiting.news, triedMs: nowMs }, post.log, reason)
      sent++
      refused = 0
    } catch (error) {
      if (!(error instanceof StreamError)) throw error
      post.log.warn('a mail could not be sent; the next run tries again', { to: mail.to.join(', '), reason: messageOf(error) })
      memory.waiting.set(to, { ...waiting, triedMs: nowMs })
      refused++
    }
    post.keep()
  }
  return memory.waiting.size
}

/** An owner's mail has one recipient: it is one of the operators. */
function putBack ({ waiting }: Memory, address: string, { news, triedMs }: Waiting, log: Log, reason: string): void {
  const to = `${oneOperator}${address}`
  log.warn('a mail could not be sent; the next run tries again', { to: address, reason })
  waiting.set(to, { triedMs, news: { ...waiting.get(to)?.news, ...news } })
}

function stillTheirs (to: string, { news }: Waiting, find: (schema: string) => SchemaEntry): News[] {
  return Object.values(news).filter(({ schema }) => {
    const { owners } = find(schema)
    return to === operators || to.startsWith(oneOperator) ? owners.length === 0 : owners.includes(to)
  })
}

/** Null if there are no operators. */
function mailOf (to: string, news: readonly News[], { registry, counts, prefix, log }: Post, nowMs: number): Mail | null {
  const { documentation } = registry
  if (to.startsWith(oneOperator)) {
    const address = to.slice(oneOperator.length)
    return registry.operators.includes(address) ? operatorMail([address], news, documentation) : null
  }
  if (to === operators) {
    if (registry.operators.length > 0) return operatorMail(registry.operators, news, documentation)
    log.warn('nobody is told of invalid events: neither has the schema owners in the registry, nor has the registry operators', { schemas: news.map(({ schema }) => schema).slice(0, 20).join(', ') })
    return null
  }
  const find = finder(registry)
  return ownerMail(to, news.map(one => ({
    news: one,
    limits: find(one.schema).thresholds.invalid,
    failures: one.kind === 'over' ? [] : failuresOf(counts, one, nowMs),
    link: graphLink(registry.graphiteLink, prefix, one.schema)
  })), documentation)
}

/** Of its episode, or of the last day if that is shorter. */
function failuresOf (counts: Counts, { schema, sinceMs }: News, nowMs: number): ReturnType<Counts['failures']> {
  return counts.failures(countedFrom(Math.max(sinceMs, nowMs - dayMs), nowMs), nowMs + minuteMs).filter(failure => failure.schema === schema)
}

/** Where the count begins that a time is in: what is older than some hours is counted by the hour. */
export function countedFrom (timeMs: number, nowMs: number): number {
  const spanMs = timeMs < foldedBefore(nowMs) ? hourMs : minuteMs
  return Math.floor(timeMs / spanMs) * spanMs
}
