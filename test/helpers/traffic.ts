import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { noSuchTable, numberOf } from '../../lib/sql/errors.js'
import type { Mariadb } from './mariadb.js'
import type { NetworkHost } from './network-host.js'
import { projectRoot } from './shared.js'

/** `server`: as application servers send; `client`: as varnishncsa does. */
export type Kind = 'server' | 'client'

/** A sender on a host of its own, which sends the same datagrams to others, to the ports of the shipped topology. */
export interface Traffic {
  /** How many events were sent so far. */
  readonly count: number
  /** Ends the sending; resolves with what was sent. */
  stop (): Promise<Sent>
}

/** What the tables must hold: the event of each uuid, `server 17`. */
export type Sent = ReadonlyMap<string, string>

export interface TrafficOptions {
  readonly to: ReadonlyArray<{ readonly address: string }>
  readonly perSecond: number
  /** In turns. Lines of application servers need `--count --count-by content`. */
  readonly kinds?: readonly Kind[]
}

/** Starts to send; ends with the test. */
export function startTraffic (from: Pick<NetworkHost, 'spawn'>, { to, perSecond, kinds = ['server', 'client'] }: TrafficOptions): Traffic {
  const child = from.spawn(process.execPath, join(projectRoot, 'dist/test/fixtures/traffic.js'), String(perSecond), kinds.join(), ...to.map(({ address }) => address))
  const sent = new Map<string, string>()
  let failures = ''
  child.stderr.on('data', (chunk: Buffer) => { failures += chunk.toString() })
  createInterface({ input: child.stdout }).on('line', line => {
    const [kind = '', n = '', uuid = ''] = line.split(' ')
    sent.set(uuid, `${kind} ${n}`)
  })
  const closed = once(child, 'close')

  return {
    get count () { return sent.size },
    async stop () {
      child.stdin.write('stop\n')
      const [code] = await closed as [number | null]
      if (code !== 0) throw new Error(`the sender ended with ${code}: ${failures}`)
      return sent
    }
  }
}

/** The tables compared with what was sent. */
export interface Books {
  /** Rows there are. */
  readonly rows: number
  /** Events without a row under their uuid. */
  readonly missing: readonly string[]
  /** Events with more than one row, under whatever uuids. */
  readonly doubled: readonly string[]
  /** Rows with a uuid that no event has. */
  readonly strange: readonly string[]
}

export async function booksOf (server: Mariadb, database: string, sent: Sent): Promise<Books> {
  const stored = await storedEvents(server, database)
  const uuids = new Set(stored.map(({ uuid }) => uuid))
  const seen = new Set<string>()
  return {
    rows: stored.length,
    missing: [...sent].filter(([uuid]) => !uuids.has(uuid)).map(([, event]) => event),
    doubled: stored.map(({ event }) => event).filter(event => seen.size === seen.add(event).size),
    strange: stored.filter(({ uuid, event }) => sent.get(uuid) !== event).map(({ uuid, event }) => `${uuid} ${event}`)
  }
}

async function storedEvents (server: Mariadb, database: string): Promise<Array<{ uuid: string, event: string }>> {
  try {
    const rows = await server.query('SELECT uuid, wiki, event_clicks FROM DemoButtonClick_1', database)
    return rows.map(({ uuid, wiki, event_clicks: clicks }) => ({ uuid: String(uuid), event: `${String(wiki).replace('wiki', '')} ${String(clicks)}` }))
  } catch (error) {
    if (numberOf(error) === noSuchTable) return []
    throw error
  }
}
