import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { realSchemas, runSchema, writeFileIn } from '../../helpers/schema-command.js'
import { needsSharedData, projectRoot } from '../../helpers/shared.js'
import { shortDirectory } from '../../helpers/streams.js'

interface Found {
  readonly file: string
  readonly line: number
  readonly level: string
  readonly rule: string
  readonly pointer: string
  readonly why: string
}

async function rulesIn (file: string, ...args: string[]): Promise<string[]> {
  const { out } = await runSchema(['lint', file, '--json', ...args])
  return (JSON.parse(out) as Found[]).map(({ line, level, rule, pointer }) => `${line} ${level} ${rule} ${pointer}`)
}

const good = `description: A rating
properties:
  stars:
    type: integer
    required: true
    description: From 1 to 5
`

// seen to fail when places are those of values, and when descriptions, or the user of the registry, are not looked at
t.test('each hint has its place, a rule, and what to change', async t => {
  const file = writeFileIn(shortDirectory(t), 'Rating/1.yaml', `${good}  page_title:
    type: string
  clientIp: {type: string, maxLength: 40, description: Where it came from}
  anything: {description: Whatever}
  waitTime: {type: number, description: How long}
  position: {type: number, description: In the list}
  action: {type: string, maxLength: 20, description: What}
  wiki: {type: string, maxLength: 64, description: The wiki}
  page:
    type: object
    description: The page
    properties:
      id: {type: integer, description: Its number}
  page_id: {type: integer, description: Its number again}
  userId: {type: integer, description: Who}
  comment: {type: string, maxLength: 500, description: What people say}
  isText: {type: boolean, description: Whether it has a text}
additionalProperties: true
`)

  t.strictSame((await rulesIn(file)).sort(), [
    '7 warning description /properties/page_title',
    '7 hint field-name /properties/page_title',
    '7 hint max-length /properties/page_title',
    '9 warning privacy-address /properties/clientIp',
    '9 hint capsule-name /properties/clientIp',
    '10 warning type /properties/anything',
    '11 hint unit /properties/waitTime',
    '12 hint integer /properties/position',
    '13 hint enum /properties/action',
    '14 hint capsule-name /properties/wiki',
    '15 hint open /properties/page',
    '19 warning one-column /properties/page/properties/id',
    '20 warning one-column /properties/page_id',
    '21 hint privacy-user /properties/userId',
    '21 warning privacy-opt-out /properties/userId',
    '22 warning privacy-text /properties/comment',
    '24 warning open /additionalProperties'
  ].sort())
  const { code, out } = await runSchema(['lint', file, '--strict'])
  t.equal(code, 2)
  t.match(out, new RegExp(`^${file}:9:3: warning privacy-address /properties/clientIp: looks like a network address, .*; leave it out: the capsule has a hash`, 'm'))
  t.match(out, /^0 errors, 8 warnings, 9 hints$/m)
})

t.test('the registry says who the user is, and what is kept for ever', async t => {
  const directory = shortDirectory(t)
  const file = writeFileIn(directory, 'Rating/1.yaml', `${good}  userName: {type: string, maxLength: 255, description: Who}
  referer: {type: string, maxLength: 255, description: Where from}
`)
  const registry = writeFileIn(directory, 'registry.yaml', 'schemas:\n  Rating:\n    user: event.userName\n    retention:\n      keep: [event.stars, event.referer]\n      anonymise: { event.userName: hash }\n')

  t.strictSame(await rulesIn(file, '--registry', registry), ['7 hint privacy-user /properties/userName', '8 warning privacy-url /properties/referer', '8 warning privacy-kept /properties/referer'])
})

t.test('what cannot be used is an error, at its place', async t => {
  const directory = shortDirectory(t)
  const files = Object.entries({
    'Pattern/1.yaml': `${good}  code: {type: string, pattern: "(?=a)"}\n`,
    'Yaml/1.yaml': 'properties:\n  a: {type: string\n',
    'Wide/1.json': { description: 'x', properties: Object.fromEntries(Array.from({ length: 1001 }, (_, at) => [`f${at}`, { type: 'integer', description: 'x' }])) },
    'Rating.yaml': good
  }).map(([name, content]) => writeFileIn(directory, name, content))
  const { code, out } = await runSchema(['lint', ...files])

  t.equal(code, 2)
  t.match(out, /Pattern\/1\.yaml:7:24: error usable \/properties\/code\/pattern: it cannot be used, and all its events are invalid: /)
  t.match(out, /Yaml\/1\.yaml:\d+:\d+: error usable: it cannot be used, .*line \d+, column \d+: /)
  t.match(out, /Wide\/1\.json:1:1: error table: no table can hold Wide\/1: /)
  t.match(out, /Rating\.yaml:1:1: warning file-name: no daemon finds a file of this name; /)
  t.match(out, /^3 errors, 1 warning, 0 hints$/m)
  t.match(await runSchema(['lint', join(directory, 'absent.yaml')]), { code: 78, errors: [/absent\.yaml: the file cannot be read: .*; name a file of a schema/] })
})

t.test('what is published is looked at by name, the newest revision', async t => {
  const directory = shortDirectory(t)
  for (const revision of [1, 2]) writeFileIn(directory, `Rating/${revision}.yaml`, good)

  t.match(await runSchema(['lint', 'Rating', '--schemas', directory]), { code: 0, out: '0 errors, 0 warnings, 0 hints\n' })
  t.match(await runSchema(['lint', 'Raitng', '--schemas', directory]), { code: 78, errors: [/there is no schema Raitng; names like it: Rating/] })
})

t.test('the shipped schemas have no error', async t => {
  const files = readdirSync(join(projectRoot, 'schemas'), { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.yaml')).map(file => join(projectRoot, 'schemas', file))

  t.match(await runSchema(['lint', ...files]), { code: 0, out: /^0 errors, /m, errors: [] })
})

t.test('real schemas, as people wrote them, are looked at to their ends', { skip: needsSharedData }, async t => {
  const files = readdirSync(realSchemas, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.json')).map(file => join(realSchemas, file))
  const { code, out, errors } = await runSchema(['lint', ...files, '--json'])
  const found = JSON.parse(out) as Found[]

  t.match({ code, errors }, { code: 0, errors: [] })
  t.ok(files.length > 20)
  t.ok(found.every(({ line, pointer }) => line >= 1 && (pointer === '' || line > 1)), 'each has its place')
  t.match(found.find(({ file, rule }) => file.includes('AutoblockIpBlock') && rule === 'privacy-address'), { level: 'warning', pointer: '/properties/ip' })
  const said = (schema: string, rule: string, field: string): string => found.find(hint => hint.file.includes(`/${schema}/`) && hint.rule === rule && hint.pointer === `/properties/${field}`)?.why ?? ''
  t.match(said('CentralNoticeImpression', 'max-length', 'banner'), 'its column takes 1024 characters')
  t.match(said('CentralNoticeImpression', 'max-length', 'uselang'), 'its column is a TEXT')
  t.match(said('QuickSurveysResponses', 'privacy-text', 'surveyResponseFreeText'), 'looks like free text')
})
