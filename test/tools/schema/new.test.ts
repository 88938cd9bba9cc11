import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openSchemas } from '../../../lib/event/schema-repository.js'
import { isRefused, type JsonSchema } from '../../../lib/event/schemas.js'
import { createLog } from '../../../lib/log.js'
import { realEvents, runSchema } from '../../helpers/schema-command.js'
import { needsSharedData } from '../../helpers/shared.js'
import { shortDirectory } from '../../helpers/streams.js'

async function definitionIn (directory: string, name: string, revision: number): Promise<JsonSchema> {
  const found = (await openSchemas({ directories: [directory], log: createLog({ level: 'error' }) })).find(name, revision)
  if (found === undefined || isRefused(found)) throw new Error(`${name}/${revision} is not to be used`)
  return found.definition
}

// seen to fail when each revision is called 1, and when comments are lost
t.test('a first revision, then the next, which has the comments of the first', async t => {
  const directory = shortDirectory(t)
  const fields = 'button:save|cancel:required,durationMs:integer,at:date-time,userId:integer'
  const made = await runSchema(['new', 'ButtonPress', '--fields', fields, '--directory', directory])
  const file = join(directory, 'ButtonPress/1.yaml')

  t.match(made, { code: 0, errors: [], out: new RegExp(`^${file} is written\\. Next:\n1\\. .*vanadium schema lint ${file}\n2\\. .*vanadium schema preflight ${file}\n3\\. [^]*schemas:\n +ButtonPress:\n +owners: \\[you@example\\.org\\]\n +retention: \\{ days: 90 \\}\n +user: event\\.userId\n$`) })
  t.match(await definitionIn(directory, 'ButtonPress', 1), { properties: { button: { type: 'string', enum: ['save', 'cancel'], required: true }, durationMs: { type: 'integer', required: undefined }, at: { type: 'string', format: 'date-time' } } })
  t.match(await runSchema(['lint', file, '--strict']), { code: 2, out: /warning description/ }, 'what is to be written is not forgotten')

  writeFileSync(file, readFileSync(file, 'utf8').replace('  durationMs:', '  # measured by the browser\n  durationMs:'))
  const before = readFileSync(file, 'utf8')
  t.match(await runSchema(['new', 'ButtonPress', '--fields', 'label:string', '--directory', directory]), { code: 0, out: /2\.yaml is written\. Next:\n1\. .*\n2\. .*vanadium schema diff .*2\.yaml --schemas / })
  t.equal(readFileSync(file, 'utf8'), before)
  t.match(readFileSync(join(directory, 'ButtonPress/2.yaml'), 'utf8'), /# measured by the browser\n +durationMs:/)
  t.match(await definitionIn(directory, 'ButtonPress', 2), { properties: { button: { required: true }, label: { type: 'string', maxLength: 255, required: undefined } } })
  t.match(await runSchema(['diff', 'ButtonPress', '--schemas', directory]), { code: 0, out: /^ {2}\+ {2}label/m })
})

t.test('a published schema goes on from its newest revision', async t => {
  const directory = shortDirectory(t)

  t.match(await runSchema(['new', 'DemoButtonClick', '--directory', directory]), { code: 0, out: /DemoButtonClick\/2\.yaml is written/ })
  t.match(await definitionIn(directory, 'DemoButtonClick', 2), { properties: { clicks: { minimum: 1 } } })
})

t.test('from example events: what they have is required if all have it, and all of them are valid', { skip: needsSharedData }, async t => {
  const directory = shortDirectory(t)
  const events = realEvents()
  const some = events.slice(0, 3).map(event => JSON.stringify(event)).join('\n')
  const samples = `${some}\n{"count": 3, "share": 0.5, "big": 9007199254740993, "at": "2014-05-21T09:30:01Z", "page": {"id": 1, "tags": ["a"]}, "mixed": 1}\n{"count": 4, "share": 1, "mixed": "x", "none": null}\n`

  t.match(await runSchema(['new', 'Some', '--from-event', '-', '--directory', directory], samples), { code: 0, errors: [] })
  t.match(await definitionIn(directory, 'Some', 1), {
    properties: {
      count: { type: 'integer', required: undefined },
      share: { type: 'number' },
      big: { type: 'integer' },
      at: { format: 'date-time' },
      page: { properties: { id: { type: 'integer', required: true }, tags: { type: 'array', items: { type: 'string' } } }, additionalProperties: false },
      mixed: { type: ['integer', 'string'] },
      none: { type: 'null' }
    }
  })
  for (const { schema, event } of events.slice(6, 8)) {
    t.match(await runSchema(['new', `${schema}Copy`, '--from-event', '-', '--directory', directory], JSON.stringify({ schema, event })), { code: 0 })
    const found = (await openSchemas({ directories: [directory], log: createLog({ level: 'error' }) })).find(`${schema}Copy`, 1)
    t.equal(found === undefined || isRefused(found) ? found : found.validate({ schema: `${schema}Copy`, revision: 1, event, wiki: 'w', recvFrom: 'h', uuid: '0'.repeat(32) }), null, schema)
  }
})

t.test('what cannot be written is answered with what is allowed, and nothing is written', async t => {
  const directory = shortDirectory(t)
  const file = join(directory, 'events')
  writeFileSync(file, '{"a":1}\n[1]\n')
  for (const [args, message] of [
    [['a b'], /give the name of one schema, without revision/],
    [['Foo/1'], /give the name of one schema, without revision/],
    [['Foo', '--fields', 'a:text'], /^--fields "a:text": give NAME:TYPE or NAME:TYPE:required, where TYPE is one of string, integer/],
    [['Foo', '--fields', 'a:string,a:integer'], /^--fields: a is there twice/],
    [['Foo', '--from-event', file], /^--from-event .*, line 2: it is no object; give an event a line/],
    [['Foo', '--fields', 'a:string', '--from-event', file], /both given/],
    [['DemoButtonClick', '--fields', 'clicks:integer'], /^--fields clicks: the revision before has it; change it in the file$/]
  ] as const) {
    const { code, out, errors } = await runSchema(['new', ...args, '--directory', directory])
    t.match({ code, out, error: errors.at(-1) }, { code: 78, out: '', error: message }, message.source)
  }
})
