import t from 'tap'
import { diagnose } from '../../lib/counts/diagnosis.js'
import { nobodyOptedOut } from '../../lib/event/opt-out.js'
import { createEventProcessor } from '../../lib/event/processor.js'
import { compileFormat } from '../../lib/event/line-format.js'
import { openSchemas, shippedSchemas } from '../../lib/event/schema-repository.js'
import { testContext } from '../helpers/context.js'

const schemas = await openSchemas({ directories: [shippedSchemas()], log: testContext().log })
const formats = {
  client: '%q %{recvFrom}s %{seqId}d %t %h %{userAgent}i',
  server: '%{seqId}d EventLogging %j'
} as const

/** What a real processor makes of a line. */
function errorOf (format: keyof typeof formats, line: string): Record<string, unknown> {
  const processor = createEventProcessor({ format: compileFormat(formats[format]), schemas, maxLine: 10_000, hostname: 'here', optOut: nobodyOptedOut, hashAddress: () => '0'.repeat(40), parseUserAgent: text => text })
  const outcome = processor.process(line, false)
  if (outcome.kind !== 'invalid') throw new Error(`${line} is ${outcome.kind}`)
  return JSON.parse(outcome.json) as Record<string, unknown>
}

const good = { schema: 'DemoButtonClick', revision: 1, wiki: 'enwiki', event: { button: 'save', clicks: 1 } }
const client = (capsule: object): Record<string, unknown> => errorOf('client', `?${encodeURIComponent(JSON.stringify(capsule))}; cp1 1 2014-05-21T09:30:01 203.0.113.9 Mozilla {5.0}`)
const server = (capsule: object): Record<string, unknown> => errorOf('server', `17 EventLogging ${JSON.stringify({ recvFrom: 'me', timestamp: 1400000000, ...capsule })}`)

// seen to fail without the fields that the line adds, and with the message's
t.test('the field that failed, what is allowed there and what came, of lines of either kind', async t => {
  const cases: Array<[capsule: object, found: object]> = [
    [{ ...good, event: { button: 'jump', clicks: 1 } }, { pointer: '/event/button', expected: /one of "/, seen: 'a string of 4 characters' }],
    [{ ...good, event: { button: 'save', clicks: 'many' } }, { pointer: '/event/clicks', expected: 'an integer', seen: 'a string of 4 characters' }],
    [{ ...good, event: { button: 'save' } }, { pointer: '/event/clicks', expected: 'an integer', seen: 'nothing' }],
    [{ ...good, event: { button: 'save', clicks: 1, userName: 'Jane' } }, { pointer: '/event/*', expected: /one of the fields/, seen: 'a string of 4 characters' }],
    [{ ...good, wiki: undefined }, { pointer: '/wiki', expected: 'a string', seen: 'nothing' }],
    [{ ...good, schema: undefined }, { pointer: '/schema', expected: 'the name of the event\'s schema', seen: 'nothing' }],
    [{ ...good, schema: 'x!y' }, { pointer: '/schema', expected: /^1 to 63/, seen: 'a string of 3 characters' }],
    [{ ...good, schema: 'Nowhere' }, { pointer: '/schema', expected: 'a schema that there is', seen: '"Nowhere"' }],
    [{ ...good, revision: 7 }, { pointer: '/revision', expected: 'a revision that there is: 1', seen: '7' }],
    [{ ...good, revision: undefined }, { pointer: '/revision', expected: 'the revision of the schema, an integer', seen: 'nothing' }],
    [{ ...good, revision: '1' }, { pointer: '/revision', expected: 'an integer of at least 1', seen: 'a string of 1 character' }]
  ]
  for (const [capsule, found] of cases) {
    t.match(diagnose(client(capsule), schemas), { code: 'validation', ...found }, JSON.stringify(capsule))
    t.match(diagnose(server(capsule), schemas), { code: 'validation', ...found }, `server-side ${JSON.stringify(capsule)}`)
  }
})

t.test('a sample is of the event as it was sent, without what is personal', async t => {
  const { sample } = diagnose(client({ ...good, event: { button: 'jump', clicks: 1, sessionToken: 'abc' } }), schemas)

  t.strictSame(JSON.parse(sample), { ...good, event: { button: '(a string of 4 characters)', clicks: 1, '*': '(a field that the schema does not name)' } })
})

// seen to fail when the code is left out
t.test('of what cannot be parsed there is the code alone', async t => {
  const unparsed = { pointer: '', expected: '', seen: '', sample: '' }

  t.strictSame(diagnose(errorOf('client', '?%7Btorn; cp1 1 2014-05-21T09:30:01 203.0.113.9 Mozilla'), schemas), { code: 'processor', ...unparsed })
  for (const rawEvent of ['', '?%7B%ZZ;', '{"torn":', '{', '}{', '?%7Btorn', 7, undefined, '{}}}}}}}}}}']) {
    t.strictSame(diagnose({ event: { code: 'validation', rawEvent } }, schemas), { code: 'validation', ...unparsed }, String(rawEvent))
  }
  t.strictSame(diagnose({ event: 'x' }, schemas), { code: 'validation', ...unparsed })
  t.match(diagnose({ event: { code: 'something\nelse', rawEvent: 'x' } }, schemas), { code: 'validation' }, 'a code of nobody\'s')
})

t.test('of an event that is valid by now there is the code, and a sample', async t => {
  const { sample, ...rest } = diagnose({ recvFrom: 'cp1', uuid: '16f38999d94d549cb426b5fb32bc8bba', event: { code: 'validation', rawEvent: `?${encodeURIComponent(JSON.stringify(good))};` } }, schemas)

  t.strictSame(rest, { code: 'validation', pointer: '', expected: '', seen: '' })
  t.strictSame(JSON.parse(sample), good)
})

t.test('nesting without end, and cost without end, are no matter', async t => {
  const deep = `{"schema":"DemoButtonClick","revision":1,"event":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}}`

  t.match(diagnose({ event: { code: 'validation', rawEvent: deep } }, schemas), { code: 'validation' })
  t.match(diagnose({ event: { code: 'validation', rawEvent: '{'.repeat(100_000) + '}'.repeat(100_000) } }, schemas), { code: 'validation' })
})
