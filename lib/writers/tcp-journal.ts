import { Publisher, Router } from 'zeromq'
import { codeOf, messageOf } from '../errors.js'
import { batchOfRecords, recordsOf } from '../stream/batch.js'
import type { Batch, Context, Writer } from '../stream/contracts.js'
import type { Journal, JournalEntry } from '../stream/journal.js'
import type { Uri } from '../stream/uri.js'
import { attach, wantsIpv6 } from '../zmq/endpoint.js'
import { longestHeader, parseRequest, recordsMessage, stateMessage, type CommitReport, type FetchRequest, type Origin } from '../zmq/journal-messages.js'
import { keepAlive, refuseLong } from '../zmq/options.js'

export interface JournaledWriterOptions {
  readonly journal: string
  /** Port of the replay socket; 0 for any that is free. */
  readonly replay: number
  /** Of the journal, at most; beyond it the oldest records go, whoever may still need them. */
  readonly journalBytes: number
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
/** Sent in answer to one request at most. */
const replayBytes = 1 << 20
/** How long the process stays, after `close`, for subscribers that have not got everything, in milliseconds. */
const lingerMs = 1000

/**
 * A stream whose records are in the journal before they are published, so that a subscriber can fetch what it missed: it was
 * slow, or away, or this process was killed between the two. What is written is put into the state on `flush`, and published
 * when that is saved.
 */
export async function openJournaledWriter (uri: Uri, { journal: name, replay, journalBytes, maxMessage }: JournaledWriterOptions, ctx: Context): Promise<JournaledWriter> {
  const journal = ctx.state.journal(name)
  const replaySocket = new Router({ sendHighWaterMark: heldMessages, sendTimeout: 0, mandatory: false, linger: 0, maxMessageSize: longestHeader, ipv6: wantsIpv6(uri), ...keepAlive })
  const replayEndpoint = await attach(replaySocket, replayUri(uri, replay), true, ctx)
  const origin: Origin = { journal: name, id: journal.id, replay: uri.scheme === 'ipc' ? replayEndpoint.slice('ipc://'.length) : Number(/\d+$/.exec(replayEndpoint)?.[0]) }

  const socket = new Publisher({ sendHighWaterMark: heldMessages, sendTimeout: 0, linger: lingerMs, ipv6: wantsIpv6(uri), ...keepAlive })
  const endpoint = await attach(socket, uri, true, ctx)
  const serving = serve(replaySocket, journal, origin, ctx)

  let taken: Batch[] = []
  let published = false

  function publish (entry: JournalEntry): void {
    published = true
    if (!socket.closed) void socket.send(recordsMessage(origin, entry))
  }

  const heartbeat = setInterval(() => {
    prune(journal, journalBytes, ctx)
    if (!published && !socket.closed) void socket.send(stateMessage(origin, journal.next))
    published = false
  }, heartbeatMs)
  heartbeat.unref()

  return {
    endpoint,
    replayEndpoint,
    eager: true,
    async write (batch) {
      const accepted = batch.payload.length <= maxMessage ? batch : withoutLong(batch, maxMessage, ctx)
      if (accepted !== null) taken.push(accepted)
    },
    async flush () {
      for (const batch of taken) journal.append(batch, publish)
      taken = []
    },
    async close () {
      if (!socket.closed) prune(journal, journalBytes, ctx)
      clearInterval(heartbeat)
      socket.close()
      replaySocket.close()
      await serving
    }
  }
}

function withoutLong (batch: Batch, maxMessage: number, ctx: Context): Batch | null {
  return batchOfRecords(recordsOf(batch).filter(record => {
    if (record.length > maxMessage) refuseLong(record, maxMessage, ctx)
    return record.length <= maxMessage
  }), batch.position)
}

/** On the same address as the stream; of an `ipc:` stream the file beside it. */
function replayUri (uri: Uri, port: number): Uri {
  return uri.scheme === 'ipc'
    ? { ...uri, path: `${uri.path}.replay`, text: `${uri.text} (replay)` }
    : { ...uri, port, text: `${uri.text} (replay)` }
}

/** Metric: records that were pruned although a subscriber had not committed them. */
const lost = 'lost'

function prune (journal: Journal, mostBytes: number, ctx: Context): void {
  try {
    for (const { subscriber, records, first } of journal.prune(mostBytes)) {
      ctx.metrics.increment(lost, records)
      ctx.log.error('records are lost to a subscriber: the journal is full (journal-bytes)', { journal: journal.name, subscriber, records, first })
    }
  } catch (error) {
    ctx.log.warn('the journal cannot be pruned; it will be tried again', { journal: journal.name, reason: messageOf(error) })
  }
}

/** Answers requests until the socket is closed. */
async function serve (socket: Router, journal: Journal, origin: Origin, ctx: Context): Promise<void> {
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
    } catch (error) {
      // the subscriber is slower than it asks: it will ask again
      if (socket.closed || codeOf(error) === 'EAGAIN') continue
      ctx.log.error('a replay failed', { journal: journal.name, reason: messageOf(error) })
    }
  }
}

/** A subscriber is known from its first request on: what it may still ask for is kept. */
function register (request: FetchRequest | CommitReport, journal: Journal, ctx: Context): void {
  if ('from' in request && journal.knows(request.as)) return
  const next = Math.min('from' in request ? request.from : request.committed, journal.next)
  if (!journal.committed(request.as, next)) ctx.log.warn('there are too many subscribers; nothing is kept for one more', { journal: journal.name, subscriber: request.as })
}

/** The state when there is nothing, or when the subscriber asks for another journal's records. */
function answer ({ id, from, bytes }: FetchRequest, journal: Journal, origin: Origin): Array<string | Buffer> {
  const entry = id === journal.id ? journal.read(from, Math.min(bytes, replayBytes)) : null
  return entry === null ? stateMessage(origin, journal.next) : recordsMessage(origin, entry)
}
