import type { Claim } from '../../lib/stream/contracts.js'
import { parseUri } from '../../lib/stream/uri.js'
import { isLoopback } from '../../lib/zmq/loopback.js'
import { replayOutput } from '../outputs.js'
import type { InstanceFile } from './instance-file.js'
import { problemAt, type Problem } from './problem.js'
import type { StreamUse } from './stream-use.js'

/** A stream and the instance whose it is. */
interface Used {
  readonly by: InstanceFile
  readonly use: StreamUse
}

/** What no file is wrong with by itself, but two of one host are together; where they are all of a host, also what one of them lacks. */
export function problemsBetween (files: readonly InstanceFile[], isWhole: boolean): Problem[] {
  const all = files.flatMap(by => by.streams.map(use => ({ by, use })).sort((a, b) => lineOf(a) - lineOf(b)))
  // a processor has its event errors in a stream of valid events by giving that again
  const opened = all.filter(({ by, use }) => use.option !== 'invalid' || !by.streams.some(({ option, argument }) => option === 'output' && argument.text === use.argument.text))
  const published = opened.filter(({ use }) => typeof use.params['journal'] === 'string')
  const subscribed = opened.filter(({ use }) => use.kind === 'reader' && typeof use.params['as'] === 'string')
  return [
    ...taken(opened), ...sameJournals(published), ...sameSubscribers(subscribed), ...plain(subscribed, opened),
    ...isWhole ? [...unpublished(subscribed, opened), ...unsubscribed(published, subscribed), ...countedAlike(files, opened)] : []
  ]
}

function at (used: Used, message: string, severity: Problem['severity'] = 'error'): Problem {
  return problemAt(used.use.argument.place ?? { file: used.by.file, line: null }, message, severity)
}

function lineOf ({ use }: Used): number {
  return use.argument.place?.line ?? 0
}

/** `FILE:LINE` */
function placeText ({ by, use }: Used): string {
  const { place } = use.argument
  return place === null ? by.file : `${place.file}:${place.line}`
}

/** Each thing with those before it. */
function pairs<T> (things: readonly T[]): Array<readonly [earlier: T, later: T]> {
  return things.flatMap((later, end) => things.slice(0, end).map(earlier => [earlier, later] as const))
}

function taken (opened: readonly Used[]): Problem[] {
  const claims = opened.flatMap(used => used.use.claims.map(claim => ({ used, claim })))
  return pairs(claims).flatMap(([earlier, later]) => {
    if (!collide(earlier.claim, later.claim)) return []
    const other = earlier.used === later.used ? 'the stream itself' : placeText(earlier.used)
    return [at(later.used, `${claimText(later.claim)} is taken by ${other}; give one of them another`)]
  })
}

function collide (one: Claim, other: Claim): boolean {
  if (one.kind !== other.kind) return false
  if ('path' in one) return 'path' in other && one.path === other.path
  return 'port' in other && one.port === other.port && one.port !== 0 && meet(one.host, other.host)
}

function claimText (claim: Claim): string {
  if ('path' in claim) return `${claim.kind} ${claim.path}`
  return `${claim.kind} port ${claim.port}`
}

/** Whether two addresses may be one. */
function meet (one: string | null, other: string | null): boolean {
  return covers(one, other) || covers(other, one) || (isLoopback(one, true) && isLoopback(other, true) && (one === 'localhost' || other === 'localhost'))
}

function covers (wide: string | null, host: string | null): boolean {
  if (wide === host || wide === null || wide === '*' || wide === '::') return true
  return wide === '0.0.0.0' && host?.includes(':') !== true
}

function sameJournals (published: readonly Used[]): Problem[] {
  return pairs(published).filter(([earlier, later]) => journalOf(earlier) === journalOf(later))
    .map(([earlier, later]) => at(later, `journal "${journalOf(later)}" has the name of another: ${placeText(earlier)}; on a host, each has a name of its own`))
}

function journalOf ({ use }: Used): string {
  return String(use.params['journal'])
}

/** Two with one name take from each other what both should have. */
function sameSubscribers (subscribed: readonly Used[]): Problem[] {
  return pairs(subscribed).filter(([earlier, later]) => nameOf(earlier) === nameOf(later) && isSameStream(earlier.use.uri, later.use.uri))
    .map(([earlier, later]) => at(later, `as=${nameOf(later)} is the name of another subscriber of ${endpointOf(later.use)}: ${placeText(earlier)}; give each a name of its own: as its instance`))
}

function nameOf ({ use }: Used): string {
  return String(use.params['as'])
}

function isSameStream (one: StreamUse['uri'], other: StreamUse['uri']): boolean {
  return one.scheme === other.scheme && one.port === other.port && one.path === other.path && meet(one.host, other.host)
}

function endpointOf ({ uri }: StreamUse): string {
  return uri.scheme === 'ipc' ? `ipc://${uri.path}` : `${uri.scheme}://${uri.host ?? '*'}:${uri.port ?? 0}`
}

/** Nothing is kept for a name in a stream without a journal. */
function plain (subscribed: readonly Used[], opened: readonly Used[]): Problem[] {
  return subscribed.flatMap(subscriber => {
    const found = opened.filter(({ use }) => publishes(use, subscriber.use.uri))
    const [first] = found
    if (first === undefined || found.some(({ use }) => typeof use.params['journal'] === 'string')) return []
    return [at(subscriber, `as=${nameOf(subscriber)} is for a journaled stream, and ${placeText(first)} publishes a plain one; leave out as=, or give that a journal=`)]
  })
}

function unpublished (subscribed: readonly Used[], opened: readonly Used[]): Problem[] {
  const { host, port } = parseUri(replayOutput)
  return subscribed.flatMap(subscriber => {
    const { uri } = subscriber.use
    if (uri.scheme === 'tcp' && uri.port === port && meet(uri.host, host)) return []
    if (opened.some(({ use }) => publishes(use, uri))) return []
    return [at(subscriber, `no argument file here publishes ${endpointOf(subscriber.use)}; ${isLoopback(uri.host, true) || uri.scheme === 'ipc' ? 'correct the address, or the publisher' : 'if another host does, all is well'}`, 'warning')]
  })
}

function publishes ({ kind, claims }: StreamUse, { scheme, host, port, path }: StreamUse['uri']): boolean {
  const [claim] = claims
  if (kind !== 'writer' || claim === undefined) return false
  if ('path' in claim) return claim.kind === 'socket' && scheme === 'ipc' && claim.path === path
  // by whatever name or address of it this host is called
  return claim.kind === 'tcp' && scheme === 'tcp' && claim.port === port && (meet(claim.host, host) || isLoopback(claim.host, true) === isLoopback(host, true))
}

/** A journal grows for whoever is named and does not come. */
function unsubscribed (published: readonly Used[], subscribed: readonly Used[]): Problem[] {
  return published.flatMap(publisher => {
    const { subscribers } = publisher.use.params
    const names = typeof subscribers === 'string' ? subscribers.split(',') : []
    return names.filter(name => !subscribed.some(one => nameOf(one) === name && publishes(publisher.use, one.use.uri)))
      .map(name => at(publisher, `no argument file here reads this stream as=${name}, and the journal grows for it until one does; leave it out of subscribers=, unless it is on another host`, 'warning'))
  })
}

/** Whoever shares a lease gets the same lines as another host, where such numbers would be others. */
function countedAlike (files: readonly InstanceFile[], opened: readonly Used[]): Problem[] {
  const leased = opened.find(({ use }) => typeof use.params['lease'] === 'string' && use.params['lease'] !== '')
  if (leased === undefined) return []
  return files.filter(({ daemon, options }) => {
    const { count, 'count-by': by, 'count-increment': increment = 1 } = (options?.own ?? {}) as Readonly<Record<string, unknown>>
    return daemon === 'forwarder' && count === true && by !== 'content' && increment === 1
  }).map(({ file, args }) => problemAt(args.find(({ text }) => /^--count(=|$)/.test(text))?.place ?? { file, line: null },
    `--count numbers lines in the order in which they come to this host, and ${placeText(leased)} shares a lease with another one: the same line has another number there, and is stored twice; give --count-by content`, 'warning'))
}
