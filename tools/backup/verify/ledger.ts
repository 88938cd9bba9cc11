import { hostname } from 'node:os'
import type { Hour } from '../../../lib/backup/manifest.js'
import { revisionOf } from '../../../lib/sql/names.js'
import { parseUri, type Uri } from '../../../lib/stream/uri.js'
import { numberText } from '../../text.js'
import type { Dump } from './dumps.js'
import { finding, hourMs, msOfHour, type Finding } from './finding.js'
import type { Claims } from './policy.js'
import { deficitsOf, storedIn, type EventsByHour, type StoreBooks } from './stored.js'
import type { LiveTables } from './tables.js'

export interface LedgerLook {
  readonly name: string
  readonly shelf: readonly StoreBooks[]
  readonly live: LiveTables
  readonly dumps: readonly Dump[]
  readonly claims: Claims
  see (found: Finding): void
}

/** Whether an output of a consumer, as the ledger calls it, is that database. */
export function isDatabase (stream: string, { host, port, path }: Pick<Uri, 'host' | 'port' | 'path'>): boolean {
  if (!stream.startsWith('mysql:')) return false
  const store = parseUri(stream)
  return store.path === path && (store.port ?? 3306) === (port ?? 3306) && nameOfHost(store.host) === nameOfHost(host)
}

function nameOfHost (host: string | null): string {
  return host === null || ['localhost', '::1', '127.0.0.1', hostname()].includes(host) ? '127.0.0.1' : host
}

/** Compares what the consumers of this host say that they stored with what the tables have, or had when they were backed up. */
export async function compareLedger (uri: Pick<Uri, 'host' | 'port' | 'path'>, look: LedgerLook): Promise<void> {
  const stored = storedIn(look.shelf, stream => isDatabase(stream, uri))
  const held = await heldOf(stored, look)
  for (const { schema, hourMs: ms, stored: came, missing } of deficitsOf(stored, held)) {
    const hour = new Date(ms).toISOString().slice(0, 13)
    if (look.claims({ hour, schema: tableOf(schema, look) }) !== 'all') continue
    look.see(finding('missing', look.name, schema, `consumers stored ${numberText(came)} events that came in this hour; ${numberText(missing)} are in no table, and in no backup`, { hours: [{ hour, schema, events: missing }] }))
  }
}

/** Any of the tables of a schema: all have the same policy. */
function tableOf (schema: string, { live }: LedgerLook): string {
  return [...live.tables.keys()].find(table => revisionOf(table, schema) !== null) ?? `${schema}_1`
}

async function heldOf (stored: EventsByHour, { live, dumps }: LedgerLook): Promise<EventsByHour> {
  const held = new Map<string, Map<number, number>>()
  for (const [schema, came] of stored) {
    const hours = new Map<number, number>()
    held.set(schema, hours)
    const first = Math.min(...came.keys()) - hourMs
    const tables = new Set([...live.tables.keys(), ...dumps.map(({ source }) => source.table)].filter(table => revisionOf(table, schema) !== null))
    for (const table of tables) {
      const backed = dumps.filter(({ source }) => source.table === table)
      const days = new Set([...await live.days(table), ...backed.map(({ source }) => source.day)].filter(day => Date.parse(`${day}T23:59:59Z`) >= first))
      for (const day of days) {
        const dump = backed.find(({ source }) => source.day === day)?.manifest.hours ?? []
        for (const [hour, count] of mostOf(await live.hours(table, day), dump)) hours.set(hour, (hours.get(hour) ?? 0) + count)
      }
    }
  }
  return held
}

/** What the table has lost, another look names; here it counts as stored. */
function mostOf (...all: ReadonlyArray<readonly Hour[]>): Map<number, number> {
  const most = new Map<number, number>()
  for (const { hour, count } of all.flat()) {
    const ms = msOfHour(hour)
    most.set(ms, Math.max(most.get(ms) ?? 0, count))
  }
  return most
}
