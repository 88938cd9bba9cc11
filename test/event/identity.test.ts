import t from 'tap'
import { identifyEvent, whyUnidentified } from '../../lib/event/identity.js'

t.test('a capsule names its schema and revision', async t => {
  t.strictSame(identifyEvent({ schema: 'Edit', revision: 5, event: {} }), { name: 'Edit', revision: 5, style: 'capsule' })
  t.strictSame(identifyEvent({ schema: 'a/b.c-d_1', revision: 1 }), { name: 'a/b.c-d_1', revision: 1, style: 'capsule' })
})

t.test('an event with metadata names them at the end of its schema_uri', async t => {
  for (const uri of ['edit/3', '/edit/3', 'mediawiki/edit/3', 'https://schema.example.org/edit/3']) {
    t.strictSame(identifyEvent({ meta: { schema_uri: uri } }), { name: 'edit', revision: 3, style: 'meta' }, uri)
  }
})

t.test('an event with a schema is a capsule, whatever else it carries', async t => {
  t.strictSame(identifyEvent({ schema: 'Edit', revision: 5, meta: { schema_uri: 'x/1' } }), { name: 'Edit', revision: 5, style: 'capsule' })
  t.equal(identifyEvent({ schema: 5, meta: { schema_uri: 'x/1' } }), null)
})

t.test('what names no possible schema is null', async t => {
  for (const revision of [undefined, null, 0, -1, 1.5, '5', Infinity, 2 ** 60, 5n]) t.equal(identifyEvent({ schema: 'Edit', revision }), null, String(revision))
  for (const schema of ['', 'a b', 'é', 'x'.repeat(64), null, {}]) t.equal(identifyEvent({ schema, revision: 1 }), null, String(schema))
  for (const uri of [undefined, 5, '', 'edit', 'edit/', 'edit/0', 'edit/03', 'edit/x', 'edit/3/', `${'x'.repeat(64)}/3`]) {
    t.equal(identifyEvent({ meta: { schema_uri: uri } }), null, String(uri))
  }
  for (const event of [undefined, null, 5, 'x', [], {}, { meta: null }, { meta: 'edit/3' }]) t.equal(identifyEvent(event), null)
})

// seen to fail when what came is made JSON, whatever it is
t.test('why an event cannot be identified is told of any nesting that a parser takes', async t => {
  const deep = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000)) as unknown

  t.match(whyUnidentified({ schema: deep, revision: 1 }), { pointer: '/schema', seen: 'an array' })
  t.match(whyUnidentified({ schema: 'Edit', revision: { deep } }), { pointer: '/revision', seen: 'an object' })
  t.equal(whyUnidentified({ schema: 'x'.repeat(1_000_000), revision: 1 }).seen.length, 100)
})
