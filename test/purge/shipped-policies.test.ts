import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openSchemas, shippedSchemas } from '../../lib/event/schema-repository.js'
import { isRefused, type JsonSchema } from '../../lib/event/schemas.js'
import { openRegistry, readRegistry } from '../../lib/registry/registry.js'
import { testContext } from '../helpers/context.js'
import { projectRoot } from '../helpers/shared.js'

const registry = openRegistry(join(projectRoot, 'etc', 'vanadium', 'registry.yaml'))
const repository = await openSchemas({ directories: [shippedSchemas()], log: testContext().log })

/** Names of an event's fields, and of its capsule's. */
function fieldsOf (name: string): string[] {
  const revisions = repository.list().filter(listed => listed.name === name).map(({ revision }) => namesOf(name, revision))
  return [...new Set([...revisions.flat().map(field => `event.${field}`), ...namesOf('EventCapsule', 1)])]
}

function namesOf (name: string, revision: number): string[] {
  const schema = repository.find(name, revision)
  if (schema === undefined || isRefused(schema)) throw new Error(`no schema ${name}/${revision}`)
  return Object.keys((schema.definition as JsonSchema & { properties: object }).properties)
}

t.test('every field that a shipped policy lists is one of its schema, or of the capsule', async t => {
  const policies = registry.names.map(name => ({ name, ...registry.find(name).retention })).filter(({ keep, anonymise, aggregate }) => keep.length > 0 || anonymise.size > 0 || aggregate !== null)

  t.strictSame(policies.map(({ name }) => name), ['NavigationTiming', 'ServerSideAccountCreation'])
  for (const { name, keep, anonymise, aggregate } of policies) {
    const listed = [...keep, ...anonymise.keys(), ...aggregate?.by ?? [], ...aggregate?.of ?? []]
    t.strictSame(listed.filter(field => !fieldsOf(name).includes(field)), [], name)
  }
})

// a new field of the schema is stripped until somebody has thought of it
t.test('of NavigationTiming all goes that is not a time, or of the site', async t => {
  const { keep, days } = registry.find('NavigationTiming').retention

  t.equal(days, 90)
  t.strictSame(fieldsOf('NavigationTiming').filter(field => field.startsWith('event.') && !keep.includes(field)),
    ['event.isAnon', 'event.action', 'event.namespaceId', 'event.pageId', 'event.revId', 'event.originCountry'])
  t.strictSame(keep.filter(field => !field.startsWith('event.')), ['wiki'])
})

t.test('of ServerSideAccountCreation nothing stays but counts, by what says nothing of the account', async t => {
  const { keep, anonymise, aggregate, days } = registry.find('ServerSideAccountCreation').retention

  t.strictSame({ keep, anonymise: [...anonymise], days }, { keep: [], anonymise: [], days: 90 })
  t.strictSame(aggregate, { by: ['wiki', 'event.isSelfMade', 'event.displayMobile', 'event.isApi'], of: [] })
})

t.test('the examples of docs/schema-owners.md are good, and mean what is said of them', async t => {
  const page = readFileSync(join(projectRoot, 'docs', 'schema-owners.md'), 'utf8')
  const [, example = ''] = /## How long your events are kept\n[^]*?```yaml\n([^]*?)```/.exec(page) ?? []
  const { find } = readRegistry(example, 'example.yaml')

  t.equal(find('DemoButtonClick').retention.days, 90)
  t.equal(find('SearchQuery').retention.days, 30)
  t.strictSame([...find('EditAttempt').retention.anonymise.values()], [{ method: 'hash' }, { method: 'truncate', length: 2 }, { method: 'bucket', size: 100 }])
  t.strictSame(find('ServerSideAccountCreation').retention.aggregate, { by: ['wiki', 'event.isSelfMade'], of: [] })
  t.equal(find('ReadingDepth').retention.days, 90, 'the end date has passed')
})
