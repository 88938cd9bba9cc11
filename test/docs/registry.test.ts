import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import t from 'tap'
import { parse } from 'yaml'
import { openRegistry } from '../../lib/registry/registry.js'
import { keyTable, publishedSchema } from '../../lib/registry/published-schema.js'
import { projectRoot } from '../helpers/shared.js'

const page = join(projectRoot, 'docs', 'registry.schema.json')
const operations = join(projectRoot, 'docs', 'operations.md')
const shipped = join(projectRoot, 'etc', 'vanadium', 'registry.yaml')
const mark = /(?<=<!-- keys of the registry -->\n)[^]*?(?=<!-- -->)/

t.test('docs/registry.schema.json and the table in docs/operations.md are what the code says; UPDATE_DOCS=1 writes them anew', async t => {
  const generated = `${JSON.stringify(publishedSchema(), null, 2)}\n`
  if (process.env['UPDATE_DOCS'] === '1') {
    writeFileSync(page, generated)
    writeFileSync(operations, readFileSync(operations, 'utf8').replace(mark, () => keyTable()))
  }

  t.equal(readFileSync(page, 'utf8'), generated)
  t.equal(mark.exec(readFileSync(operations, 'utf8'))?.[0], keyTable())
})

t.test('the published schema is plain draft-07, and takes and refuses what the code does', async t => {
  const validate = new Ajv({ allowUnionTypes: true }).compile(publishedSchema())

  t.ok(validate(parse(readFileSync(shipped, 'utf8'))))
  t.notOk(validate({ schemas: { A: { sampling: { rate: 10 } } } }))
  t.notOk(validate({ schemas: { A: { owners: [{ name: 'Ann' }] } } }))
  t.notOk(validate({ operaters: [] }))
})

t.test('every key of it is described with a sentence', async t => {
  function look (node: unknown, path: string): void {
    if (typeof node !== 'object' || node === null) return
    const { properties = {} } = node as { properties?: Record<string, { description?: string }> }
    for (const [name, { description }] of Object.entries(properties)) t.match(description, /\.$/, `${path}/${name}`)
    for (const [key, below] of Object.entries(node)) look(below, `${path}/${key}`)
  }
  look(publishedSchema(), '')
})

t.test('the shipped registry names its schema to editors, and its examples are good when they are taken', async t => {
  const text = readFileSync(shipped, 'utf8')
  t.match(text, /^# yaml-language-server: \$schema=\/usr\/local\/share\/doc\/vanadium\/registry\.schema\.json$/m)

  const taken = text.replace('    owners: []\n', '').replace(/^( *)#(?=[a-zA-Z]| {2})/gm, '$1')
  const file = join(t.testdir({ 'registry.yaml': taken }), 'registry.yaml')
  const registry = openRegistry(file)
  t.match(registry.find('NavigationTiming'), {
    people: [{ name: 'Ann Example', mail: 'ann@example.org' }], team: 'Performance', sampling: { rate: 0.1 }, volume: 2_000_000
  })
})
