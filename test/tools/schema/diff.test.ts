import t, { type Test } from 'tap'
import { runSchema, writeFileIn, type SchemaOutput } from '../../helpers/schema-command.js'
import { shortDirectory } from '../../helpers/streams.js'

const first = {
  description: 'A rating',
  properties: {
    stars: { type: 'integer', required: true, minimum: 1, description: 'How many' },
    page: { type: 'object', properties: { title: { type: 'string', maxLength: 255 } } },
    from: { type: 'string', enum: ['top', 'end'] }
  }
}
/** Nothing that was valid is refused. */
const wider = { ...first, properties: { ...first.properties, stars: { type: 'integer', minimum: 0, description: 'How many' }, from: { type: 'string', enum: ['top', 'end', 'side'] }, colour: { type: 'string', required: false } } }
const narrower = { ...first, properties: { stars: { type: 'string', required: true }, page: { type: 'object', properties: { title: { type: 'string', maxLength: 20 } } }, id: { type: 'integer', required: true } } }

function published (t: Test): string {
  const directory = shortDirectory(t)
  for (const [revision, schema] of [first, wider, narrower].entries()) writeFileIn(directory, `Rating/${revision + 1}.json`, schema)
  return directory
}

// seen to fail when columns of two types are not seen, and when the two revisions are taken the other way round
t.test('what has become of each field, and whether events and queries go on', async t => {
  const schemas = ['--schemas', published(t)]
  const compare = async (...args: string[]): Promise<SchemaOutput> => await runSchema(['diff', ...args, ...schemas])

  const wide = await compare('Rating/1', 'Rating/2')
  t.match(wide, { code: 0, errors: [] })
  t.match(wide.out, /^ {2}~ {2}stars +optional now, minimum 1 → 0$/m)
  t.match(wide.out, /^ {2}~ {2}from +enum with "side"$/m)
  t.match(wide.out, /^ {2}\+ {2}colour +string, optional$/m)
  t.match(wide.out, /^ {2}what is a valid event of Rating\/1 is one of Rating\/2, too$/m)
  t.match(wide.out, /^ {2}who has only Rating\/1 does not take all events of Rating\/2; .*:\n(?: {4}.*\n)*? {4}\/event\/colour is not taken any more$/m)
  t.match(wide.out, /^ {2}view Rating gains event_colour$/m)
  t.match(wide.out, /^compatible\n$/m)

  const narrow = await compare('Rating/1', 'Rating/3')
  t.match(narrow, { code: 2, errors: [] })
  for (const line of ['  ~  stars       integer → string, minimum 1 → none, another description', '  -  from        string, optional, enum "top", "end"', '  +  id          integer, required', '    /event/from is not taken any more',
    '    /event/id is required now', '    /event/page/title takes at most 20 characters now', '    /event/stars takes no integer any more; only string', '  event_stars becomes text in the view: it was BIGINT, and is VARCHAR(1024)', '  new rows have NULL in event_from of the view', 'not compatible']) {
    t.ok(narrow.out.split('\n').includes(line), line)
  }
})

t.test('a name is its two newest revisions; a file is compared with what is published before it, or under its number', async t => {
  const [directory, drafts] = [published(t), shortDirectory(t)]
  const schemas = ['--schemas', directory]
  const heads = async (...args: string[]): Promise<string> => (await runSchema(['diff', ...args, ...schemas])).out.split('\n')[0]?.replaceAll(`${directory}/`, '').replaceAll(`${drafts}/`, 'draft/') ?? ''

  t.equal(await heads('Rating'), 'Rating/2 (Rating/2.json) → Rating/3 (Rating/3.json)')
  t.equal(await heads(writeFileIn(drafts, 'Rating/4.json', wider)), 'Rating/3 (Rating/3.json) → Rating/4 (draft/Rating/4.json)')
  const inPlace = await runSchema(['diff', writeFileIn(drafts, 'Rating/3.json', wider), ...schemas])
  t.match(inPlace.out, /^ {2}both are called Rating\/3: what is published under a number never changes; give the new one the next$/m)
})

t.test('for a program, as JSON', async t => {
  const { code, out } = await runSchema(['diff', 'Rating/1', 'Rating/3', '--json', '--schemas', published(t)])

  t.equal(code, 2)
  t.match(JSON.parse(out), { compatible: false, old: { schema: 'Rating/1' }, new: { schema: 'Rating/3' }, fields: [{ field: 'stars', change: 'changed' }], view: { added: ['event_id'], removed: ['event_from'], loosened: [{ column: 'event_stars' }] } })
})

t.test('what cannot be compared is answered with the reason and 78', async t => {
  const directory = published(t)
  writeFileIn(directory, 'Bad/2.json', { properties: { a: { pattern: '(?=a)' } } })
  for (const [args, message] of [
    [['Rating/1', 'Rating/2', 'Rating/3'], /give one or two revisions/],
    [['Rating/1'], /^Rating\/1 has nothing before it to compare it with; there is Rating\/1, Rating\/2, Rating\/3$/],
    [['Rating/1', 'Bad/2'], /^Bad\/2 cannot be used: .*; vanadium schema lint says where$/],
    [[writeFileIn(shortDirectory(t), 'Alone/1.json', first)], /^no revision of Alone before 1 is published; there is nothing to compare .* with: give OLD and NEW$/]
  ] as const) {
    const { code, out, errors } = await runSchema(['diff', ...args, '--schemas', directory])
    t.match({ code, out, error: errors.at(-1) }, { code: 78, out: '', error: message }, message.source)
  }
})
