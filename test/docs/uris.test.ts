import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { uriDocs } from '../../lib/cli/uri-docs.js'
import { builtInReaders } from '../../lib/readers/index.js'
import { builtInWriters } from '../../lib/writers/index.js'
import { projectRoot } from '../helpers/shared.js'

const readers = builtInReaders()
const writers = builtInWriters()
const page = join(projectRoot, 'docs', 'uris.md')

t.test('docs/uris.md is what the code says; UPDATE_DOCS=1 writes it anew', async t => {
  const generated = uriDocs(readers, writers)
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(page, generated)

  t.equal(readFileSync(page, 'utf8'), generated)
})

t.test('every example passes the checks of its scheme', async t => {
  for (const schemes of [readers, writers]) {
    for (const { schemes: [scheme = ''], examples } of schemes.handlers()) {
      t.ok(examples.length > 0, `${scheme}: has an example`)
      for (const example of examples) t.doesNotThrow(() => schemes.check(example), example)
    }
  }
})

t.test('every option is described with a sentence, and every scheme summed up', async t => {
  for (const { schemes, summary, params } of [...readers.handlers(), ...writers.handlers()]) {
    t.match(summary, /^[A-Z].*\.$/, schemes.join())
    const options = Object.entries(params.properties) as Array<[name: string, option: { description: string }]>
    for (const [name, { description }] of options) t.match(description, /\.$/, name)
  }
})
