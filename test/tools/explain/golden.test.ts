import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { compileFormat } from '../../../lib/event/line-format.js'
import { createOptOut, type OptOut } from '../../../lib/event/opt-out.js'
import { openSchemas, shippedSchemas } from '../../../lib/event/schema-repository.js'
import type { SchemaRepository } from '../../../lib/event/schemas.js'
import { createLog } from '../../../lib/log.js'
import { editList } from '../../../lib/opt-out/files.js'
import { openLiveList } from '../../../lib/opt-out/live.js'
import { readRegistry, type Registry } from '../../../lib/registry/registry.js'
import { batchOfLines } from '../../../lib/stream/batch.js'
import type { Batch } from '../../../lib/stream/contracts.js'
import { builtInWriters } from '../../../lib/writers/index.js'
import { openCandidates } from '../../../tools/explain/candidates.js'
import { samplerFor } from '../../../tools/explain/decisions.js'
import { destinationOf } from '../../../tools/explain/destination.js'
import { explainRecord, type Explained, type Surroundings } from '../../../tools/explain/line.js'
import { reportText } from '../../../tools/explain/section.js'
import { prepareStores, type AskedStore } from '../../../tools/explain/stores.js'
import { testContext, type TestContext } from '../../helpers/context.js'
import { projectRoot } from '../../helpers/shared.js'
import { shortDirectory } from '../../helpers/streams.js'
import { openWriter } from '../../sql/fixtures.js'
import { cases, clientSide, serverSide, type Case } from './cases.js'

const fixtures = join(projectRoot, 'test', 'fixtures', 'explain')
/** Writes what is told now in the place of the golden files: look at the difference before you commit it. */
const rewrites = process.env['VANADIUM_GOLDEN'] === 'write'

async function testSchemas (t: Test): Promise<SchemaRepository> {
  const wide = { properties: Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`field${i}`, { type: 'integer' }])) }
  const generated = t.testdir({ Wide: { '1.json': JSON.stringify(wide) }, Open: { '1.json': '{"properties":{"name":{"type":"string"},"page":{"type":"object","properties":{"id":{"type":"integer"}}}},"additionalProperties":true}' }, Empty: { '1.json': '{"properties":{"a":{"type":"string"}}}' } })
  return await openSchemas({ directories: [join(fixtures, 'schemas'), generated, shippedSchemas()], log: createLog({ level: 'error' }) })
}

const labels: Readonly<Record<string, string>> = { [clientSide]: 'client-side', [serverSide]: 'server-side' }

async function explained (t: Test, { record, formats = [clientSide, serverSide], longStrings = 'cut', maxLine = 65_536, keepsInvalid = true, steps = [], registry = '', isThere = false }: Case): Promise<Explained> {
  const schemas = await testSchemas(t)
  const ctx = testContext({ schemas })
  t.teardown(async () => { await ctx.end() })
  const rules = readRegistry(registry, 'registry')
  const decisions = { sampler: samplerFor(rules), optOut: optOutOf(t, ctx, rules), unreadable: null }
  const candidates = openCandidates(formats.map(format => ({ label: labels[format] ?? 'own', format: compileFormat(format), maxLine, keepsInvalid, steps })), schemas, decisions, Buffer.alloc(64))
  const stores: AskedStore[] = []
  if (isThere) {
    const uri = `sqlite://${shortDirectory(t)}/events.sqlite`
    const outcome = candidates[0]?.events.process(record.toString())
    const writer = await openWriter(uri, ctx)
    await writer.write(batchOfLines([outcome !== undefined && 'json' in outcome ? outcome.json : '']) as Batch)
    await writer.close()
    stores.push(...prepareStores({ stores: [uri], areGiven: true }, { writers: builtInWriters() })(ctx))
  }
  const surroundings: Surroundings = { candidates, schemas, registry: rules, decisions, destination: destinationOf(longStrings, stores, ctx) }
  return await explainRecord(Buffer.from(record), surroundings)
}

/** User 7 has opted out. */
function optOutOf (t: Test, ctx: TestContext, registry: Registry): OptOut {
  const directory = shortDirectory(t)
  const files = { file: join(directory, 'optout'), keyFile: join(directory, 'optout.key') }
  editList(files, (_hashes, key) => [key.digest('7')])
  const users = openLiveList(files, ctx.log)
  ctx.defer('list', () => { users.close() })
  const fields = new Map(registry.names.flatMap(name => registry.find(name).user === null ? [] : [[name, registry.find(name).user ?? ''] as const]))
  return createOptOut({ users, fields: () => fields, isKnown: name => ctx.schemas.list().some(schema => schema.name === name) })
}

/** Without what differs from one machine, and one moment, to the next. */
function normalised (text: string): string {
  return text
    .replace(/\S+\/\.tap\/fixtures\/[^/\s]+/g, '<directory>')
    .replaceAll(projectRoot, '<root>')
    .replace(/\S+(?=\/events\.sqlite)/g, '<directory>')
    .replaceAll(hostname(), '<hostname>')
    .replace(/\b(?!203)20[2-9]\d(?:-\d\d-\d\d|\d{10})\b/g, '<now>')
}

// seen to fail when a column is left out of the row, and when a field's verdict is
for (const [name, one] of Object.entries(cases)) {
  t.test(`the whole way of a record: ${name}`, async t => {
    const file = join(fixtures, `${name}.txt`)

    const { sections, end } = await explained(t, one)

    const text = normalised(reportText(sections))
    if (rewrites) writeFileSync(file, text)
    t.equal(text, readFileSync(file, 'utf8'))
    t.equal(end, one.end)
    t.notMatch(text, '203.0.113.9', 'no address is told')
  })
}

t.test('every golden file has its case', async t => {
  t.strictSame(readdirSync(fixtures).filter(name => name.endsWith('.txt')).map(name => name.slice(0, -4)).sort(), Object.keys(cases).sort())
})
