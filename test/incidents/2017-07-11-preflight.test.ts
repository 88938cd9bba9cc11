// A schema gained a field without a new revision; the insert failed. Given as a proposed revision, the preflight says what would happen
// to the table and to the events, and what to publish instead. Seen to fail when a revision is compared by its number alone.
import t from 'tap'
import { beacon, beaconFormat, realEvents, realSchema, realSchemas, runSchema, writeFileIn, writeLines, type SchemaOutput } from '../helpers/schema-command.js'
import { needsSharedData } from '../helpers/shared.js'
import { shortDirectory } from '../helpers/streams.js'

const lines = 400
const name = 'HelpPanel'
const revision = 10500

t.test('a field that is added without a new revision is found out by the preflight: what its table would gain, who is refused until then, and what to do', { skip: needsSharedData }, async t => {
  const directory = shortDirectory(t)
  const schema = realSchema(name, revision)
  const grown = { ...schema, properties: { ...schema.properties, is_beta: { type: 'boolean', description: 'Whether the beta is on.' } } }
  const own = realEvents().find(({ schema }) => schema === name)
  // three of ten clients are ahead of the schema, and know no other revision
  const raw = writeLines(directory, 'raw.log', Array.from({ length: lines }, (_, n) => beacon(n, n % 10 < 3 ? { ...own, event: { ...own?.event, is_beta: true } } : { ...own })))
  const preflight = async (file: string): Promise<SchemaOutput> => await runSchema(['preflight', file, '--schemas', realSchemas, '--raw', raw, '--format', beaconFormat])

  const inPlace = await preflight(writeFileIn(directory, `${name}/${revision}.json`, grown))
  t.match(inPlace, { code: 2, errors: [] })
  const [, verdict = ''] = /^It would break something:\n((?:- .*\n)+)/m.exec(inPlace.out) ?? []
  t.match(verdict, /^- HelpPanel\/10500 is published already, and says something else: /)
  t.match(verdict, / Table HelpPanel_10500 would have to gain event_is_beta while events flow\. /)
  t.match(verdict, / 120 of 400 events are sent as if it were in force, and are refused until it is\. Publish it as HelpPanel\/10501\n$/)
  t.match(inPlace.out, /^ +ALTER TABLE `HelpPanel_10500` ADD COLUMN `event_is_beta` TINYINT\(1\) NULL COMMENT 'Whether the beta is on\.';$/m)
  t.match(inPlace.out, /^ +70 % pass today +\(280\); 0 of them would fail, 120 that fail would pass$/m)
  t.match(inPlace.out, /^ +120 +\/event\/is_beta +one of the fields .* +true$/m)
  t.notMatch(inPlace.out, 'CREATE TABLE')

  const asNext = await preflight(writeFileIn(directory, `${name}/${revision + 1}.json`, grown))
  t.match(asNext, { code: 0, errors: [], out: /^ +CREATE TABLE IF NOT EXISTS `HelpPanel_10501` \($/m })
  t.match(asNext.out, /^ +view HelpPanel gains event_is_beta$/m)

  const unchanged = await preflight(writeFileIn(directory, `same/${name}/${revision}.json`, schema))
  t.match(unchanged, { code: 2, out: /^- 30 % of the events of HelpPanel \(120 of 400\) would not validate, more than 5 %; 70 % pass today, none that passes today would fail$/m }, 'what is published already, and is not what clients send')
})
