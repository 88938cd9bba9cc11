import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { parseJson, stringifyJson } from '../../lib/event/json.js'
import { openSchemas } from '../../lib/event/schema-repository.js'
import { isRefused, type JsonSchema, type Schema, type SchemaRepository } from '../../lib/event/schemas.js'
import { createLog } from '../../lib/log.js'
import { schemasOf, testContext, type TestContext } from '../helpers/context.js'
import type { Row } from '../helpers/mariadb.js'
import { needsSharedData, sharedData } from '../helpers/shared.js'
import { shortDirectory } from '../helpers/streams.js'
import { capsuleOf, openWriter, store } from './fixtures.js'
import { definitions } from './generated/definitions.js'
import { eventsOf } from './generated/events.js'
import { columnsOf, fieldsOf, tableOf, valueAt, wrongColumn, wrongValue, type DeclaredColumn, type Field } from './generated/oracle.js'
import { storeKinds, type TestStore } from './stores.js'

/** A run that failed is repeated with the seed that it printed: SEED=N. */
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_000)
const log = createLog({ level: 'error' })

const kinds = storeKinds.filter(({ skip, name }) => skip === false && name !== 'mysql without LOAD DATA LOCAL')

/** Fewer rows come by INSERT. */
const enoughForLoad = 50

const servers = await Promise.all(kinds.map(async ({ name, start }) => ({ name, ...await start() })))
t.teardown(async () => { for (const server of servers) await server.stop() })

t.test('200 generated schemas have tables in all databases, and random valid events of each read back equal', async t => {
  const directory = shortDirectory(t)
  let runs = 0
  const samples = definitions.chain(definition => fc.tuple(fc.constant(definition), fc.array(eventsOf(definition.document), { minLength: 1, maxLength: 3 })))

  await fc.assert(fc.asyncProperty(samples, async ([{ name, revision, style, document }, events]) => {
    const file = join(directory, String(runs++), name, `${revision}.json`)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, JSON.stringify(document))
    const schema = usable(await openSchemas({ directories: [dirname(dirname(file))], log }), name, revision)
    const whole = events.map(event => style === 'capsule' ? capsuleOf(event, { schema: name, revision }) : withIdentity(event, name, revision))

    await storesHold(schema, whole)
  }), { numRuns: 200, seed, timeout: 60_000, interruptAfterTimeLimit: 180_000, markInterruptAsFailure: true, includeErrorInReport: true })
  t.pass(`${runs} schemas`)
})

t.test('random valid events of every real schema read back equal', { skip: needsSharedData }, async t => {
  const schemas = await openSchemas({ directories: [join(String(sharedData), 'schemas')], log })
  const real = schemas.list().filter(schema => !isRefused(schema))

  t.ok(real.length >= 29)
  for (const { name, revision, source } of real) {
    const document = JSON.parse(readFileSync(source, 'utf8')) as JsonSchema
    const events = fc.sample(eventsOf(document), { numRuns: 20, seed }).map(event => capsuleOf(event, { schema: name, revision }))
    await t.resolves(storesHold(usable(schemas, name, revision), events), `${name}/${revision}, SEED=${seed}`)
  }
})

function usable (schemas: SchemaRepository, name: string, revision: number): Schema {
  const schema = schemas.find(name, revision)
  if (schema === undefined || isRefused(schema)) throw new Error(`${name}/${revision} is ${schema === undefined ? 'unknown' : `refused: ${schema.reason}`}`)
  return schema
}

let ids = 0

function withIdentity (event: object, name: string, revision: number): object {
  const meta = valueAt(event, ['meta']) as object
  return { ...event, meta: { ...meta, id: `event ${ids++}`, schema_uri: `${name}/${revision}` } }
}

/** Writes the events through the writers of all databases, and throws what is not as it should be. */
async function storesHold (schema: Schema, events: readonly object[]): Promise<void> {
  const lines = events.map(event => stringifyJson(event))
  for (const line of lines) {
    const problem = schema.validate(JSON.parse(line) as object)
    if (problem !== null) throw new Error(`the test made an event that is not valid: ${problem.message}`)
  }
  const { name, revision, style } = schema
  const empty = Array.from({ length: enoughForLoad }, () => stringifyJson(style === 'capsule' ? capsuleOf({}, { schema: name, revision }) : withIdentity({ meta: {} }, name, revision)))
  for (const server of servers) {
    const all = server.name === 'mysql' ? [...lines, ...empty] : lines
    const database = await server.store()
    const ctx = testContext({ schemas: schemasOf([schema]) })
    try {
      const writer = await openWriter(database.uri, ctx)
      await store(writer, all).finally(async () => { await writer.close() })
      await readsBack(server.name === 'sqlite' ? 'sqlite' : 'mysql', database, schema, all, ctx.letters)
    } catch (error) {
      throw new Error(`${server.name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
    } finally {
      await ctx.end()
      if (server.name === 'mysql') await database.query(`DROP DATABASE ${database.uri.replace(/^.*\//, '')}`)
    }
  }
}

async function readsBack (kind: 'mysql' | 'sqlite', { query }: TestStore, schema: Schema, lines: readonly string[], letters: TestContext['letters']): Promise<void> {
  const fields = storedFields(schema)
  const refused = letters.filter(({ record, error }) => kind !== 'mysql' || error.details['sql_error'] !== rowTooLarge || bytesInPage(record, fields) < 7500)
  if (refused.length > 0) throw new Error(refused.map(({ error }) => error.message).join('\n'))

  const quote = kind === 'mysql' ? '`' : '"'
  const table = tableOf(schema.name, schema.revision)
  const declared = kind === 'mysql'
    ? (await query(`SHOW COLUMNS FROM \`${table}\``)).map(({ Field: name, Type: type }): DeclaredColumn => ({ name: String(name), type: String(type).toLowerCase() }))
    : (await query(`SELECT name, type FROM pragma_table_info('${table}')`)).map(({ name, type }): DeclaredColumn => ({ name: String(name), type: String(type).toLowerCase() }))
  const wrong: string[] = fields.flatMap(({ field, name }) => {
    const column = declared.find(column => column.name === name)
    return column === undefined ? `no column ${name}` : wrongColumn(field, column) ?? []
  })
  const stored = lines.filter(line => !letters.some(({ record }) => record === line))
  // by number: no driver gives a column that is called __proto__
  const found = await query(`SELECT ${['id', ...fields.map(({ name }, at) => `${quote}${name}${quote} AS f${at}`)].join()} FROM ${quote}${table}${quote} ORDER BY id`)
  if (found.length !== stored.length) wrong.push(`${found.length} rows for ${stored.length} events`)
  wrong.push(...stored.flatMap((line, at) => wrongFields(line, found[at] ?? {}, fields, declared)))
  if (wrong.length > 0) throw new Error(wrong.join('\n'))
}

interface StoredField {
  readonly field: Field
  readonly name: string
}

const ofCapsules = ['id', 'uuid', 'timestamp', 'webHost', 'wiki', 'userAgent', 'clientIp', 'samplingRate']
const ofMeta = ['id', 'meta_id', 'meta_dt']

function storedFields ({ style, definition }: Schema): StoredField[] {
  const fields = style === 'capsule'
    ? fieldsOf(definition).map(field => ({ ...field, path: ['event', ...field.path] }))
    : fieldsOf(definition).filter(({ path: [first, second] }) => first !== 'meta' || (second !== 'id' && second !== 'dt'))
  const names = columnsOf(fields, style === 'capsule' ? ofCapsules : ofMeta)
  return fields.map((field, at) => ({ field, name: names[at] ?? '' }))
}

function wrongFields (line: string, row: Row, fields: readonly StoredField[], declared: readonly DeclaredColumn[]): string[] {
  const event = parseJson(line)
  return fields.flatMap(({ field, name }, at) => {
    const type = declared.find(column => column.name === name)?.type ?? ''
    const problem = wrongValue(field, type, valueAt(event, field.path), row[`f${at}`])
    return problem === null ? [] : `${JSON.stringify(field.path)}: ${problem}`
  })
}

/** InnoDB's: what it cannot move out of a row must fit into half a page, 8,126 bytes (docs/analysts.md). */
const rowTooLarge = 1118

function bytesInPage (record: string, fields: readonly StoredField[]): number {
  const event = parseJson(record)
  return fields.reduce((sum, { field: { kind, path } }) => {
    const value = valueAt(event, path)
    if (value === null || value === undefined) return sum
    return sum + (['string', 'json', 'uuid'].includes(kind) ? Math.min(Buffer.byteLength(typeof value === 'string' ? value : stringifyJson(value)), 40) + 1 : 8)
  }, 0)
}
