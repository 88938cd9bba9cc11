import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf, StreamError } from '../../errors.js'
import type { Log } from '../../log.js'
import { openMysqlReader } from '../../sql/mysql/reader.js'
import { followingOf, replicationStatus } from '../../sql/mysql/replication.js'
import type { Uri } from '../../stream/uri.js'

/** A server that follows the one whose rows are purged. */
export interface Replica {
  readonly uri: Uri
  /** A my.cnf file of an account that may ask; empty for none. */
  readonly defaultsFile: string
}

export interface ReplicaLimits {
  readonly mostSeconds: number
  /** After which a replica is given up that stays behind, or does not answer. */
  readonly patienceMs?: number
  /** How often one is asked. */
  readonly everyMs?: number
}

const askMs = 10_000

/** Resolves when no replica is further behind than the limit; what does not follow, or does not answer, is. */
export function replicaCalm (replicas: readonly Replica[], { mostSeconds, patienceMs = 1_800_000, everyMs = 1000 }: ReplicaLimits, log: Log): (stop: AbortSignal) => Promise<void> {
  let askedMs = -Infinity

  async function worst (stop: AbortSignal): Promise<string | null> {
    const found = await Promise.all(replicas.map(async replica => await whyNot(replica, mostSeconds, stop)))
    return found.find(reason => reason !== null) ?? null
  }

  return async stop => {
    if (replicas.length === 0 || Date.now() - askedMs < everyMs) return
    const sinceMs = Date.now()
    for (;;) {
      const reason = await worst(stop)
      askedMs = Date.now()
      if (reason === null || stop.aborted) return
      if (askedMs - sinceMs > patienceMs) throw new StreamError('stopped', `${reason}; waited for ${Math.round(patienceMs / 60_000)} min in vain, and the purge ends: run it again when replication is well`)
      log.warn('the purge waits for a replica', { reason, most_seconds: mostSeconds })
      await sleep(everyMs, undefined, { signal: stop }).catch(() => {})
    }
  }
}

async function whyNot ({ uri, defaultsFile }: Replica, mostSeconds: number, stop: AbortSignal): Promise<string | null> {
  const done = new AbortController()
  const signal = AbortSignal.any([stop, done.signal, AbortSignal.timeout(askMs)])
  try {
    const rows = await replicationStatus(async () => await openMysqlReader(uri, defaultsFile, 'purge', signal))
    if (rows.length === 0) return `${uri.text} is no replica`
    const followed = rows.map(followingOf)
    const broken = followed.find(one => one.broken !== null || one.seconds === null)
    if (broken !== undefined) return `${uri.text} does not follow ${broken.source}: ${broken.broken ?? 'how far it is behind is not known'}`
    const seconds = Math.max(...followed.map(one => one.seconds ?? 0))
    return seconds > mostSeconds ? `${uri.text} is ${seconds} s behind` : null
  } catch (error) {
    return `${uri.text} does not answer: ${messageOf(error)}`
  } finally {
    done.abort()
  }
}
