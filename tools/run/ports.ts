import { once } from 'node:events'
import { createServer } from 'node:net'
import { codeOf, StreamError } from '../../lib/errors.js'

/** Where the streams of the pipeline are, all on loopback. */
export interface Ports {
  /** Takes beacons over http. */
  readonly http: number
  /** Publishes lines as they came. */
  readonly raw: number
  /** Publishes events, the valid and the invalid of one processor. */
  readonly events: number
  /** Publishes all events: the stream for everybody. */
  readonly all: number
  /** The same three, journaled: what the daemons themselves read. */
  readonly rawJournal: number
  readonly eventsJournal: number
  readonly allJournal: number
}

export const usualPorts: Ports = { http: 8080, raw: 8422, events: 8522, all: 8600, rawJournal: 8432, eventsJournal: 8542, allJournal: 8610 }

const called: Record<keyof Ports, string> = {
  http: 'http',
  raw: 'the raw stream',
  events: 'the events stream',
  all: 'the all stream',
  rawJournal: 'the journaled raw stream',
  eventsJournal: 'the journaled events stream',
  allJournal: 'the journaled all stream'
}
const names = Object.keys(usualPorts) as Array<keyof Ports>

/** How many ports are tried from the usual one upwards. */
const tries = 200

/** The usual ports, and instead of those that are taken the next free ones. Throws `StreamError` when there is none. */
export async function choosePorts (): Promise<Ports> {
  const ports = { ...usualPorts } as Record<keyof Ports, number>
  const chosen = new Set<number>()
  for (const name of names) {
    ports[name] = await firstFree(usualPorts[name], chosen)
    chosen.add(ports[name])
  }
  return ports
}

/** What to tell about ports that are not the usual ones. */
export function unusual (ports: Ports): string[] {
  return names.filter(name => ports[name] !== usualPorts[name])
    .map(name => `port ${usualPorts[name]} is taken: ${called[name]} is on ${ports[name]}`)
}

async function firstFree (usual: number, chosen: ReadonlySet<number>): Promise<number> {
  for (let port = usual; port < usual + tries; port++) {
    if (!chosen.has(port) && await isFree(port)) return port
  }
  throw new StreamError('cannot-bind', `all ports of 127.0.0.1 from ${usual} to ${usual + tries - 1} are taken; end what listens there`)
}

async function isFree (port: number): Promise<boolean> {
  const probe = createServer()
  try {
    probe.listen(port, '127.0.0.1')
    await once(probe, 'listening')
    return true
  } catch (error) {
    if (codeOf(error) === 'EADDRINUSE' || codeOf(error) === 'EACCES') return false
    throw error
  } finally {
    probe.close()
  }
}
