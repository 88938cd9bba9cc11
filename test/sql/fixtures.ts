import { randomBytes } from 'node:crypto'
import type { JsonSchema, Schema, SchemaRepository } from '../../lib/event/schemas.js'
import { stringifyJson } from '../../lib/event/json.js'
import { batchOfLines } from '../../lib/stream/batch.js'
import type { Batch, Context, Writer } from '../../lib/stream/contracts.js'
import { Schemes } from '../../lib/stream/schemes.js'
import { mysqlWriter } from '../../lib/writers/mysql.js'
import { sqliteWriter } from '../../lib/writers/sqlite.js'
import { schemasOf } from '../helpers/context.js'
import type { Mariadb } from '../helpers/mariadb.js'

const writers = new Schemes<Writer>('writer').add(mysqlWriter).add(sqliteWriter)

/** Opens a writer as a daemon does. */
export async function openWriter (uri: string, ctx: Context): Promise<Writer> {
  return await writers.open(uri, ctx)
}

export function checkUri (uri: string): void {
  writers.check(uri)
}

export function mysqlUri ({ port }: Mariadb, database: string, options = ''): string {
  return `mysql://root@127.0.0.1:${port}/${database}${options}`
}

/** A schema in the form that the repository hands out; these tests do not validate. */
export function schemaOf (properties: Record<string, JsonSchema>, { name = 'Test', revision = 1, style = 'capsule' }: Partial<Pick<Schema, 'name' | 'revision' | 'style'>> = {}): Schema {
  const modern = { type: 'object', properties, additionalProperties: false }
  return { name, revision, style, source: 'test', definition: modern, modern, validate: () => null, problems: () => [] }
}

/** Schemas that a test changes, as a reload does. */
export function changing (...schemas: Schema[]): SchemaRepository & { set (...schemas: Schema[]): void } {
  let now = schemasOf(schemas)
  return {
    find: (name, revision) => now.find(name, revision),
    canFetch: (name, revision) => now.canFetch(name, revision),
    fetch: async (name, revision) => await now.fetch(name, revision),
    list: () => now.list(),
    reload: async () => { await now.reload() },
    set (...schemas) { now = schemasOf(schemas) }
  }
}

/** An event of `Test/1` as the processor passes it on, with a uuid of its own. */
export function capsuleOf (event: object, fields: object = {}): Record<string, unknown> {
  return {
    schema: 'Test', revision: 1, wiki: 'enwiki', webHost: 'en.wikipedia.org', recvFrom: 'cp1001.example.org', seqId: 17,
    timestamp: 1400664601, uuid: randomBytes(16).toString('hex'), event, ...fields
  }
}

export function batchOf (events: readonly unknown[]): Batch {
  const batch = batchOfLines(events.map(event => typeof event === 'string' ? event : stringifyJson(event)))
  if (batch === null) throw new Error('a batch needs an event')
  return batch
}

/** Writes and flushes. */
export async function store (writer: Writer, events: readonly unknown[]): Promise<void> {
  await writer.write(batchOf(events))
  await writer.flush()
}
