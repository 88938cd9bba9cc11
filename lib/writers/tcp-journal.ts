import { Publisher, Router } from 'zeromq'
import { codeOf, messageOf } from '../errors.js'
import { compositionOf } from '../event/composition.js'
import { batchLimits, piecesOf } from '../stream/batch.js'
import type { Batch, Context, Writer } from '../stream/contracts.js'
import { boundsKey, type Bounds } from '../stream/journal-bounds.js'
import type { Journal, JournalEntry } from '../stream/journal.js'
import { together } from '../stream/together.js'
import type { Uri } from '../stream/uri.js'
import type { Security } from '../zmq/curve.js'
import { attach, wantsIpv6 } from '../zmq/endpoint.js'
import { longestRequest, parseRequest, recordsMessage, stateMessage, type CommitReport, type FetchRequest, type Origin, type StatusRequest } from '../zmq/journal-messages.js'
import { keepAlive, longestMessage } from '../zmq/options.js'
import { accepted } from './longest.js'

export interface JournaledWriterOptions {
  readonly journal: string
  /** Port of the replay socket; 0 for any that is free. */
  readonly replay: number
  readonly security: Security
  /** Of the journal; beyond them the oldest records go, whoever may still need them. */
  readonly bounds: Bounds
  /** For whom records are kept from the first one on, before they have come for the first time. */
  readonly subscribers: readonly string[]
  /** Bytes of the longest record. */
  readonly maxMessage: number
}

export interface JournaledWriter extends Writer {
  /** Where the streams are, as ZeroMQ writes it; a port 0 has become the real one. */
  readonly endpoint: string
  readonly replayEndpoint: string
}

/** Messages that are held for a subscriber; one that is slower gets the rest from the journal. */
const heldMessages = 32
/** A quiet stream says this often that nothing is missing, in milliseconds. */
const heartbeatMs = 1000
/** Within so many milliseconds after the start its subscribers have found the publisher, also those that were never there before. */
const findingMs = 10_000
/** Sent in answer to one request at most. */
const replayBytes = 1 << 20
/** How long the process stays, after `close`, for subscribers that have not got everything, in milliseconds. */
const lingerMs = 1000

/**
 * A stream whose records are in the journal before they are published, so that a subscriber can fetch what it missed: it was
 * slow, or away, or this process was killed between the two. What is written is put into the state on `flush`, and published
 * when that is saved.
 */
export async function openJournaledWriter (uri: Uri, { journal: name, replay, security, bounds, subscribers, maxMessage }: JournaledWriterOptions, ctx: Context): Promise<JournaledWriter> {
  const journal = ctx.state.journal(name)
  ctx.state.remark(boundsKey(name), JSON.stringify(bounds))
  for (const subscriber of subscribers) if (!journal.knows(subscriber)) journal.committed(subscriber, journal.oldest)
  const replaySocket = new Router({ sendHighWaterMark: heldMessages, sendTimeout: 0, mandatory: false, linger: 0, maxMessageSize: longestRequest, ipv6: wantsIpv6(uri), ...keepAlive })
  const replayEndpoint = await attach(replaySocket, replayUri(uri, replay), true, security, ctx)
  if (journal.isRenewed) ctx.log.warn('the machine went down before everything was on its disk (--fsync checkpoint); the journal goes on under a new id', { journal: name, id: journal.id, next: journal.next })
  const origin: Origin = { journal: name, id: journal.id, ...(journal.previous === null ? {} : { previous: journal.previous }), replay: uri.scheme === 'ipc' ? replayEndpoint.slice('ipc://'.length) : Number(/\d+$/.exec(replayEndpoint)?.[0]) }

  const socket = new Publisher({ sendHighWaterMark: heldMessages, sendTimeout: 0, linger: lingerMs, ipv6: wantsIpv6(uri), ...keepAlive })
  const endpoint = await attach(socket, uri, true, security, ctx)
  const serving = serve(replaySocket, journal, bounds, origin, ctx)

  let taken: Batch[] = []
  let published = false

  function publish (entry: JournalEntry): void {
    published = true
    if (!socket.closed) void socket.send(recordsMessage(origin, entry))
  }

  const foundAt = performance.now() + findingMs
  const warnBeforeFull = fullnessWarning(journal, bounds, ctx)
  const heartbeat = setInterval(() => {
    // what the first one to come has committed, the next one may need
    if (performance.now() >= foundAt) prune(journal, bounds, ctx)
    warnBeforeFull()
    if (!published && !socket.closed) void socket.send(stateMessage(origin, journal.next))
    published = false
  }, heartbeatMs)
  heartbeat.unref()

  return {
    endpoint,
    replayEndpoint,
    eager: true,
    holds: true,
    keepsBooks: true,
    async write (batch) {
      const fit = accepted(batch, name, longestMessage(maxMessage), ctx)
      if (fit !== null) taken.push(...piecesOf(fit, batchLimits.bytes, records => compositionOf(fit.provenance?.schemas ?? new Map(), records.map(String))))
    },
    async flush () {
      // an entry, and a message, costs as much as a hundred records
      for (const batch of together(taken)) journal.append(batch, publish)
      taken = []
    },
    async close () {
      if (!socket.closed) keep(journal, ctx)
      clearInterval(heartbeat)
      socket.close()
      replaySocket.close()
      await serving
    }
  }
}

/** On the same address as the stream; of an `ipc:` stream the file beside it. */
/** Where subscribers fetch what they missed. */
export function replayUri (uri: Uri, port: number): Uri {
  return uri.scheme === 'ipc'
    ? { ...uri, path: `${uri.path}.replay`, text: `${uri.text} (replay)` }
    : { ...uri, port, text: `${uri.text} (replay)` }
}

/** Metric: records that were pruned although a subscriber had not committed them. */
const lost = 'lost'

function prune (journal: Journal, bounds: Bounds, ctx: Context): void {
  try {
    const { losses, forgotten } = journal.prune(bounds)
    for (const { subscriber, records, first, bound } of losses) {
      ctx.metrics.increment(lost, records)
      ctx.log.error(bound === 'journal-bytes' ? 'records are lost to a subscriber: the journal is full (journal-bytes)' : 'records are lost to a subscriber: they were too old for the journal (journal-age)', { journal: journal.name, subscriber, records, first })
    }
    for (const { subscriber, records, why } of forgotten) {
      const fields = { journal: journal.name, subscriber, records }
      if (why === 'silent' && records > 0) {
        ctx.metrics.increment(lost, records)
        ctx.log.error('a subscriber was silent for longer than journal-age, and is forgotten: nothing is kept for it any more', fields)
      } else ctx.log.info('a subscriber is forgotten', { ...fields, why })
    }
  } catch (error) {
    ctx.log.warn('the journal cannot be pruned; it will be tried again', { journal: journal.name, reason: messageOf(error) })
  }
}

function keep (journal: Journal, ctx: Context): void {
  try {
    journal.keep()
  } catch (error) {
    ctx.log.warn('what subscribers have committed could not be kept; they will tell it again', { journal: journal.name, reason: messageOf(error) })
  }
}

/** Of `journal-bytes`: above the first it is said once, and again only after it was below the second. */
const nearlyFull = 0.8
const roomAgain = 0.6

function fullnessWarning (journal: Journal, { mostBytes }: Bounds, ctx: Context): () => void {
  let isSaid = false
  return () => {
    const { bytes, oldest } = journal
    if (!isSaid && bytes > nearlyFull * mostBytes) {
      ctx.log.warn('the journal is nearly full: when it is, the oldest records are lost to who has not committed them (journal-bytes)', { journal: journal.name, bytes, most_bytes: mostBytes, oldest })
      isSaid = true
    } else if (bytes < roomAgain * mostBytes) isSaid = false
  }
}

/** Answers requests until the socket is closed. */
async function serve (socket: Router, journal: Journal, bounds: Bounds, origin: Origin, ctx: Context): Promise<void> {
  while (!socket.closed) {
    try {
      const [sender, ...frames] = await socket.receive()
      const request = parseRequest(frames)
      if (sender === undefined || request === null) {
        ctx.log.warn('a request for a replay cannot be understood', { journal: journal.name })
        continue
      }
      if (request.id === journal.id) register(request, journal, ctx)
      if ('from' in request) await socket.send([sender, ...answer(request, journal, origin)])
      if ('status' in request) await socket.send([sender, ...stateMessage(origin, journal.next, { bytes: journal.bytes, most: bounds.mostBytes, time: journal.timeOf(request.status) })])
    } catch (error) {
      // the subscriber is slower than it asks: it will ask again
      if (socket.closed || codeOf(error) === 'EAGAIN') continue
      ctx.log.error('a replay failed', { journal: journal.name, reason: messageOf(error) })
    }
  }
}

/** A subscriber is known from its first request on: what it may still ask for is kept. */
function register (request: FetchRequest | CommitReport | StatusRequest, journal: Journal, ctx: Context): void {
  const asked = 'from' in request ? request.from : 'status' in request ? request.status : request.committed
  // one that has more than there is read the journal before it was put back to an older copy: that will need it all again
  const isAhead = asked > journal.next
  if (journal.knows(request.as) && ('from' in request || isAhead)) {
    journal.heard(request.as)
    return
  }
  const next = isAhead ? journal.oldest : asked
  if (!journal.committed(request.as, next)) ctx.log.warn('there are too many subscribers; nothing is kept for one more', { journal: journal.name, subscriber: request.as })
}

/** The state when there is nothing, or when the subscriber asks for another journal's records. */
function answer ({ id, from, bytes }: FetchRequest, journal: Journal, origin: Origin): Array<string | Buffer> {
  const entry = id === journal.id ? journal.read(from, Math.min(bytes, replayBytes)) : null
  return entry === null ? stateMessage(origin, journal.next) : recordsMessage(origin, entry)
}
