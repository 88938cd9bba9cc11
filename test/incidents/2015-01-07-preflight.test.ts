// A deployment sent 70 % of client events without a schema name for 12 hours. Given what that client sends in staging, the preflight
// of its schema says so before it is deployed. Seen to fail when events that cannot be identified are counted as other schemas' ones.
import t from 'tap'
import { beacon, beaconFormat, realEvents, realSchema, realSchemas, runSchema, writeFileIn, writeLines, type SchemaOutput } from '../helpers/schema-command.js'
import { needsSharedData } from '../helpers/shared.js'
import { shortDirectory } from '../helpers/streams.js'

const lines = 500
const name = 'HelpPanel'
const [published, proposed] = [10500, 10501]

t.test('a client that leaves the schema name out of most events is found out by the preflight of the revision that it comes with', { skip: needsSharedData }, async t => {
  const directory = shortDirectory(t)
  const schema = realSchema(name, published)
  const file = writeFileIn(directory, `${name}/${proposed}.json`, { ...schema, properties: { ...schema.properties, is_beta: { type: 'boolean', description: 'Whether the beta is on.' } } })
  const others = realEvents().filter(({ schema }) => schema !== name)
  const own = realEvents().find(({ schema }) => schema === name)
  /** Half of what passes through staging is the client's. */
  const staging = (isNameless: (n: number) => boolean): string[] => Array.from({ length: lines }, (_, n) => {
    const event = { ...own, revision: proposed, event: { ...own?.event, is_beta: n % 2 === 0 } }
    return beacon(n, isNameless(n) ? { ...event, schema: undefined } : n % 10 === 9 ? others[n % others.length] ?? {} : event)
  })
  const preflight = async (raw: string): Promise<SchemaOutput> => await runSchema(['preflight', file, '--schemas', realSchemas, '--raw', raw, '--format', beaconFormat])

  const broken = await preflight(writeLines(directory, 'broken.log.gz', staging(n => n % 10 < 7)))
  t.match(broken, { code: 2, errors: [] })
  t.match(broken.out, /^- 70 % of all events \(350 of 500\) do not say of which schema they are, more than 5 %: all of them become EventErrors/m)
  t.match(broken.out, / All of them would be valid events of HelpPanel\/10501 if they named it: the client leaves the name out\./)
  t.match(broken.out, /^ +350 +\/schema +the name of the event's schema +nothing$/m)

  const mended = await preflight(writeLines(directory, 'mended.log', staging(() => false)))
  t.match(mended, { code: 0, errors: [], out: /^It can be published: nothing that flows today would break\.$/m })
})
