import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openSchemas } from '../../lib/event/schema-repository.js'
import { isRefused } from '../../lib/event/schemas.js'
import { needsSharedData, sharedData } from '../helpers/shared.js'
import { testContext } from '../helpers/context.js'
import { capsuleOf, refused, usable } from '../helpers/schemas.js'

const withField = (name: string): string => JSON.stringify({ properties: { [name]: { type: 'integer' } } })

t.test('all schemas that people wrote are usable, and all their events valid', { skip: needsSharedData }, async t => {
  const { log } = testContext()
  const data = sharedData ?? ''
  const repository = await openSchemas({ directories: [join(data, 'schemas')], log })

  t.strictSame(repository.list().filter(isRefused), [])
  t.ok(repository.list().length >= 29)
  for (const line of readFileSync(join(data, 'examples.ndjson'), 'utf8').trim().split('\n')) {
    const example = JSON.parse(line) as { schema: string, revision: number }
    const event = { ...example, recvFrom: 'cp1001.example.org', seqId: 17, timestamp: 1400664601, clientIp: 'c0ffee', userAgent: { browser_family: 'Firefox' }, uuid: '16f38999d94d549cb426b5fb32bc8bba' }
    t.equal(usable(repository, example.schema, example.revision).validate(event), null, example.schema)
    t.not(usable(repository, example.schema, example.revision).validate({ ...event, event: { nobodyDeclaredThis: 1 } }), null)
  }
})

t.test('a schema is a file named for it, in JSON or YAML', async t => {
  const directory = t.testdir({
    A: { '1.json': withField('a'), '2.yaml': 'properties: {b: {type: integer}}', '3.yml': '{"properties": {"c": {"type": "integer"}}}', '10.json': `\ufeff\n ${withField('d')}` },
    some: { 'deep-er': { 'Name.x': { '7.json': withField('e') } } }
  })
  const repository = await openSchemas({ directories: [directory], log: testContext().log })

  t.strictSame(repository.list().map(({ name, revision }) => `${name}/${revision}`), ['A/1', 'A/2', 'A/3', 'A/10', 'some/deep-er/Name.x/7'])
  t.strictSame(repository.list().map(schema => Object.keys(usable(repository, schema.name, schema.revision).definition['properties'] as object)), [['a'], ['b'], ['c'], ['d'], ['e']])
  t.match(usable(repository, 'A', 1), { source: join(directory, 'A', '1.json'), style: 'capsule', modern: { additionalProperties: false } })
  t.equal(repository.find('A', 4), undefined)
  t.equal(repository.find('B', 1), undefined)
  t.equal(repository.find('../A', 1), undefined)
  t.equal(repository.canFetch('A', 4), false)
  t.equal(await repository.fetch('A', 4), undefined)
  t.equal(await repository.fetch('A', 1), repository.find('A', 1))
})

t.test('files that are no schemas are named, or passed over', async t => {
  const ctx = testContext()
  const directory = t.testdir({
    '5.json': '{}',
    A: { 'latest.json': '{}', '0.json': '{}', '01.yaml': '', '1.5.json': '{}', 'README.md': '', '1.json.bak': '', '.2.json.swp': '', '.3.json': '{}' },
    'a b': { '1.json': '{}' },
    ['x'.repeat(64)]: { '1.json': '{}' },
    '.git': { A: { '1.json': '{}' } }
  })
  const repository = await openSchemas({ directories: [directory], log: ctx.log })

  t.strictSame(repository.list(), [])
  const warned = ctx.logged().filter(({ message }) => message === 'file in a schema directory is not named <Name>/<revision>.json or .yaml; it is not used').map(({ path }) => String(path).slice(directory.length + 1))
  t.strictSame(warned, ['5.json', 'A/0.json', 'A/01.yaml', 'A/1.5.json', 'A/latest.json', 'a b/1.json', `${'x'.repeat(64)}/1.json`])
})

t.test('the first directory counts, and in a directory the first ending', async t => {
  const ctx = testContext()
  const first = t.testdir({ one: { A: { '1.json': withField('one') } }, two: { A: { '1.json': withField('two'), '2.json': withField('json'), '2.yaml': withField('yaml') } } })
  const repository = await openSchemas({ directories: [join(first, 'one'), join(first, 'two')], log: ctx.log })

  t.ok('one' in Object(usable(repository, 'A', 1).definition['properties']))
  t.ok('json' in Object(usable(repository, 'A', 2).definition['properties']))
  t.match(ctx.logged().filter(({ level }) => level === 'warn'), [{ message: 'two files for one revision of a schema; the second is not used', path: join(first, 'two/A/2.yaml'), used: join(first, 'two/A/2.json') }])
})

t.test('a schema that cannot be used is refused with its reason, logged, and harms no other', async t => {
  const ctx = testContext()
  const directory = t.testdir({
    Good: { '1.json': withField('a') },
    Bad: {
      '1.yaml': 'properties:\n  a: {type: string}\n  a: {type: string}\n',
      '2.json': '{"properties": {"a": {"type": "string"}, }',
      '3.json': '[]',
      '4.json': '{"properties": {"a": {"pattern": "(?=x)"}}}',
      '5.json': ' '.repeat(300_000),
      '6.json': { 'a directory': '' },
      '7.yaml': '&a\nproperties: {a: *a}\n',
      '8.yaml': 'just words',
      '9.yaml': `${Array.from({ length: 9 }, (_, i) => `x${i}: &x${i} {${Array.from({ length: 9 }, (_, k) => i === 0 ? `k${k}: 1` : `k${k}: *x${i - 1}`).join(', ')}}`).join('\n')}\nproperties: *x8`,
      '10.json': '',
      '11.json': `{"properties": ${'{"properties": '.repeat(10_000)}{}${'}'.repeat(10_000)}}`
    }
  })
  const reasons: Record<number, RegExp> = {
    1: /^line 3, column 3: Map keys must be unique$/,
    2: /^line 1, column \d+: /,
    3: /^a schema must be an object$/,
    4: /^\/properties\/a\/pattern: the pattern "\(\?=x\)" cannot be matched in linear time/,
    5: /^the file has 300000 bytes, at most 262144 are read; make it smaller$/,
    6: /^the file cannot be read: it is not a regular file/,
    7: /stands for something that it is in/,
    8: /^a schema must be an object$/,
    9: /alias/,
    10: /^a schema must be an object$/,
    11: /nests deeper than 64 levels/
  }
  const repository = await openSchemas({ directories: [directory], log: ctx.log })

  for (const [revision, reason] of Object.entries(reasons)) t.match(refused(repository, 'Bad', Number(revision)).reason, reason)
  t.equal(usable(repository, 'Good', 1).validate(capsuleOf('Good', { a: 1 })), null)
  const warned = ctx.logged().filter(({ message }) => message === 'schema refused; its events are invalid')
  t.equal(warned.length, 11)
  t.match(warned.find(({ revision }) => revision === 1), { level: 'warn', schema: 'Bad', source: join(directory, 'Bad/1.yaml'), reason: /line 3/ })
  t.match(ctx.logged().at(-1), { level: 'info', message: 'schemas loaded', usable: 1, refused: 11 })
})

t.test('a schema that only ajv does not take is refused at its first event', async t => {
  const ctx = testContext()
  const twice = { $schema: 'http://json-schema.org/draft-07/schema#', properties: { a: { $id: 'x', type: 'string' }, b: { $id: 'x', type: 'null' } } }
  const repository = await openSchemas({ directories: [t.testdir({ A: { '1.json': JSON.stringify(twice) } })], log: ctx.log })
  const schema = usable(repository, 'A', 1)

  t.match(schema.validate(capsuleOf('A', {})), { message: /A\/1, which cannot be used: reference .* resolves to more than one schema/ })
  t.match(schema.validate(capsuleOf('A', {})), { message: /cannot be used/ })
  t.match(refused(repository, 'A', 1).reason, /more than one schema/)
  t.equal(ctx.logged().filter(({ message }) => message === 'schema refused; its events are invalid').length, 1)
})

t.test('a directory that cannot be read at start is the operator\'s mistake', async t => {
  const missing = join(t.testdir(), 'missing')

  await t.rejects(openSchemas({ directories: [missing], log: testContext().log }), { name: 'ConfigError', code: 'bad-option', message: /^--schemas .*missing: ENOENT.*; give a directory that has <Name>\/<revision>\.json or \.yaml$/ })
})

t.test('a file that cannot be read is refused', async t => {
  const directory = t.testdir({ A: { '1.json': t.fixture('symlink', 'missing.json') } })
  const repository = await openSchemas({ directories: [directory], log: testContext().log })

  t.match(refused(repository, 'A', 1).reason, /^the file cannot be read: ENOENT/)
})

t.test('the capsule is checked with the event', async t => {
  const repository = await openSchemas({ directories: [t.testdir({ A: { '1.json': withField('a') } })], log: testContext().log })
  const validate = usable(repository, 'A', 1).validate
  const good = { webHost: 'en.wikipedia.org', timestamp: 1400664601.5, dt: '2014-05-21T09:30:01Z', seqId: 17, userAgent: [], clientIp: 'x', ip: '203.0.113.9', topic: 't' }
  const bad: Array<[object, string]> = [
    [{ wiki: undefined }, '/wiki: required, but missing'],
    [{ wiki: 5 }, '/wiki: expected a string; got 5'],
    [{ recvFrom: undefined }, '/recvFrom: required, but missing'],
    [{ uuid: undefined }, '/uuid: required, but missing'],
    [{ uuid: 'x' }, '/uuid: expected 32 hexadecimal digits; got "x"'],
    [{ seqId: 1.5 }, '/seqId: expected an integer; got 1.5'],
    [{ timestamp: '1400664601' }, '/timestamp: expected a number; got "1400664601"'],
    [{ dt: 'now' }, '/dt: expected a date-time like 2014-05-21T09:30:01Z; got "now"'],
    [{ clientIp: null }, '/clientIp: expected a string; got null'],
    [{ event: undefined }, '/event: required, but missing'],
    [{ event: [] }, '/event: expected an object; got []'],
    [{ event: { a: 'x' } }, '/event/a: expected an integer; got "x"']
  ]

  t.equal(validate(capsuleOf('A', { a: 1 }, good)), null)
  for (const [fields, message] of bad) t.equal(validate(capsuleOf('A', { a: 1 }, { ...good, ...fields }))?.message, message)
  t.match(validate(capsuleOf('A', {}, { clientValidated: true })), { message: /^\/clientValidated: not a field of the capsule; it has: event, schema, revision, wiki/ })
  t.match(validate(capsuleOf('A', { b: 1 })), { message: '/event/b: not a field of A/1; it has: a' })
})

t.test('a schema with meta is checked whole, without a capsule', async t => {
  const definition = { properties: { meta: { type: 'object', required: true, properties: { schema_uri: { type: 'string' } } }, n: { type: 'integer' } } }
  const repository = await openSchemas({ directories: [t.testdir({ A: { '1.json': JSON.stringify(definition) } })], log: testContext().log })
  const { style, validate } = usable(repository, 'A', 1)

  t.equal(style, 'meta')
  t.equal(validate({ meta: { schema_uri: 'A/1' }, n: 1 }), null)
  t.match(validate({ meta: {}, event: {} }), { message: '/event: not a field of A/1; it has: meta, n' })
  t.match(validate({ n: 1 }), { pointer: '/meta' })
})
