import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { openAddressHasher } from '../../lib/event/address-hash.js'
import { compileFormat } from '../../lib/event/line-format.js'
import { nobodyOptedOut } from '../../lib/event/opt-out.js'
import { createEventProcessor, type EventProcessor } from '../../lib/event/processor.js'
import { createSampler } from '../../lib/event/sampling.js'
import { openSchemas, shippedSchemas } from '../../lib/event/schema-repository.js'
import { createLog } from '../../lib/log.js'
import { readRegistry } from '../../lib/registry/registry.js'

const clientSide = '%q %{recvFrom}s %{seqId}d %t %h %{userAgent}i'
const lineEnd = 'cp1 17 2014-05-21T09:30:01 203.0.113.9 Mozilla'

const testSchema = {
  properties: {
    action: { type: 'string', enum: ['view', 'edit'], required: true },
    big: { type: 'integer' },
    any: { type: 'any' },
    nested: { type: 'object', properties: { deep: { type: 'number' } } }
  }
}

async function createProcessor (t: Test, format = clientSide, inRegistry = ''): Promise<EventProcessor> {
  const registry = readRegistry(inRegistry, 'registry.yaml')
  const directory = t.testdir({ Test: { '1.json': JSON.stringify(testSchema), '2.json': '{"type": "object", "properties": {"a": {"pattern": "(?=x)"}}}' } })
  const schemas = await openSchemas({ directories: [directory, shippedSchemas()], log: createLog({ level: 'error' }) })
  const hasher = openAddressHasher({ keyFile: join(directory, 'run', 'address.key'), log: createLog({ level: 'error' }) })
  return createEventProcessor({
    format: compileFormat(format),
    schemas,
    sampler: createSampler(() => registry),
    hashAddress: address => hasher.hash(address),
    parseUserAgent: userAgent => ({ browser_family: userAgent }),
    maxLine: 65_536,
    hostname: 'this-host',
    optOut: nobodyOptedOut
  })
}

function line (capsule: unknown): string {
  return `?${encodeURIComponent(typeof capsule === 'string' ? capsule : JSON.stringify(capsule))}; ${lineEnd}`
}

function capsuleOf (event: unknown): Record<string, unknown> {
  return { schema: 'Test', revision: 1, wiki: 'enwiki', event }
}

interface ErrorEvent extends Record<string, unknown> { schema: string, revision: number, wiki: string, recvFrom: string, uuid: string, event: { code: string, message: string, rawEvent: string, schema: string, revision: number } }

function errorOf (processor: EventProcessor, line: string): ErrorEvent {
  const outcome = processor.process(line)
  if (outcome.kind !== 'invalid') throw new Error(`expected an event error, got ${JSON.stringify(outcome)}`)
  return JSON.parse(outcome.json) as ErrorEvent
}

t.test('a good line becomes a capsule', async t => {
  const processor = await createProcessor(t)

  const outcome = processor.process(line(capsuleOf({ action: 'view' })))

  t.equal(outcome.kind, 'valid')
  t.match('json' in outcome ? JSON.parse(outcome.json) : null, {
    schema: 'Test', revision: 1, wiki: 'enwiki', event: { action: 'view' }, recvFrom: 'cp1', seqId: 17, timestamp: 1400664601, clientIp: /^[0-9a-f]{40}$/, userAgent: 'Mozilla', uuid: /^[0-9a-f]{32}$/
  })
})

t.test('every digit of a number survives', async t => {
  const processor = await createProcessor(t)
  const json = '{"schema":"Test","revision":1,"wiki":"enwiki","event":{"action":"view","big":20210223205005001,"any":[-9007199254740993,1.5]},"isTruncated":false}'

  const outcome = processor.process(line(json))

  t.equal(outcome.kind, 'valid')
  t.match('json' in outcome ? outcome.json : '', '"event":{"action":"view","big":20210223205005001,"any":[-9007199254740993,1.5]},"recvFrom":"cp1","seqId":17')
  t.notMatch('json' in outcome ? outcome.json : '', 'isTruncated')
})

t.test('bad input becomes an event error that tells the sender what to change', async t => {
  const processor = await createProcessor(t)
  const cases: Array<[string, string, string, RegExp]> = [
    ['no match', 'nothing like an event', 'processor', /does not match the format/],
    ['empty line', '', 'processor', /does not match the format/],
    ['broken percent-encoding', `?%7B%22a%22%3A%ZZ%7D; ${lineEnd}`, 'processor', /not percent-encoded UTF-8 \(at "%ZZ%7D"\)/],
    ['percent-encoded bytes that are not UTF-8', `?%7B%22a%22%3A%22%FF%22%7D; ${lineEnd}`, 'processor', /not percent-encoded UTF-8 \(at "%22%3A%22%FF/],
    ['not JSON', line('{broken'), 'processor', /not JSON/],
    ['nothing', `?; ${lineEnd}`, 'processor', /the capsule is empty/],
    ['an array', line('[1,2]'), 'processor', /an array; send a JSON object/],
    ['null', line('null'), 'processor', /is null; send a JSON object/],
    ['no schema', line({ revision: 1, event: {} }), 'validation', /^\/schema: required, but missing/],
    ['schema of another type', line({ schema: {}, revision: 1, event: {} }), 'validation', /^\/schema: expected 1 to 63 of/],
    ['schema that leaves its folder', line({ schema: '../../etc/passwd', revision: 1, event: {} }), 'validation', /there is no schema/],
    ['unknown schema', line({ schema: 'Nobody', revision: 1, event: {} }), 'validation', /there is no schema Nobody\/1/],
    ['unknown revision', line({ schema: 'Test', revision: 99, event: {} }), 'validation', /there is no schema Test\/99/],
    ['revision not an integer', line({ schema: 'Test', revision: '1', event: {} }), 'validation', /^\/revision: expected an integer of at least 1; got "1"/],
    ['a schema that was refused', line({ schema: 'Test', revision: 2, event: {} }), 'validation', /schema Test\/2 cannot be used: .*pattern/],
    ['wrong type', line(capsuleOf({ action: 'view', big: 'x' })), 'validation', /^\/event\/big: .*integer.*"x"/],
    ['not one of the values', line(capsuleOf({ action: 'fly' })), 'validation', /^\/event\/action: .*"view".*"fly"/],
    ['missing field', line(capsuleOf({})), 'validation', /^\/event\/action: required/],
    ['unknown field', line(capsuleOf({ action: 'view', extra: 1 })), 'validation', /^\/event\/extra: /],
    ['unknown capsule field', line({ ...capsuleOf({ action: 'view' }), extra: 1 }), 'validation', /^\/extra: /],
    ['__proto__ as a field', line('{"schema":"Test","revision":1,"wiki":"x","event":{"action":"view","__proto__":{"big":1}}}'), 'validation', /__proto__/],
    ['constructor as a field', line(capsuleOf({ action: 'view', constructor: 1 })), 'validation', /constructor/],
    ['infinite number', line('{"schema":"Test","revision":1,"wiki":"x","event":{"action":"view","big":1e400}}'), 'validation', /^\/event\/big/],
    ['infinite number where anything goes', line('{"schema":"Test","revision":1,"wiki":"x","event":{"action":"view","any":1e400}}'), 'processor', /too large/],
    ['too long', line(capsuleOf({ action: 'x'.repeat(70_000) })), 'processor', /more than 65536/],
    ['a time that does not exist', '?%7B%7D; cp1 17 2014-99-21T09:30:01 203.0.113.9 x', 'processor', /there is no time/],
    ['a number beyond 2^53 from the line', `?%7B%7D; cp1 ${'9'.repeat(30)} 2014-05-21T09:30:01 203.0.113.9 x`, 'processor', /beyond 2\^53/]
  ]
  for (const [name, line, code, message] of cases) {
    const { event, schema, revision } = errorOf(processor, line)
    t.strictSame({ schema, revision }, { schema: 'EventError', revision: 14035058 }, name)
    t.equal(event.code, code, name)
    t.match(event.message, message, name)
  }
})

t.test('odd input that is right stays right', async t => {
  const processor = await createProcessor(t)
  const cases: Array<[string, string, unknown]> = [
    ['emoji', '{"action":"view","any":"😀 \\ud83d\\ude00"}', { action: 'view', any: '😀 😀' }],
    ['NUL', '{"action":"view","any":"a\\u0000b"}', { action: 'view', any: 'a\0b' }],
    ['a lone surrogate', '{"action":"view","any":"\\ud800"}', { action: 'view', any: '\ud800' }],
    ['duplicate keys: the last wins', '{"action":"edit","action":"view"}', { action: 'view' }],
    ['white space and newlines in the JSON', '{\n "action" :\t"view" }', { action: 'view' }],
    ['an empty array for an object', '[]', null]
  ]
  for (const [name, event, expected] of cases) {
    const outcome = processor.process(line(`{"schema":"Test","revision":1,"wiki":"x","event":${event}}`))
    if (expected === null) {
      t.match(errorOf(processor, line(capsuleOf([]))).event.message, '/event/action: required', name)
    } else {
      t.equal(outcome.kind, 'valid', name)
      t.strictSame('json' in outcome ? (JSON.parse(outcome.json) as { event: unknown }).event : null, expected, name)
      t.notMatch('json' in outcome ? outcome.json : '\n', '\n', 'one record is one line')
    }
  }
})

t.test('an event nested beyond reason is an event error, not a crash', async t => {
  const processor = await createProcessor(t)
  for (const depth of [1000, 10_000, 30_000]) {
    const nested = `${'['.repeat(depth)}${']'.repeat(depth)}`
    const outcome = processor.process(line(`{"schema":"Test","revision":1,"wiki":"x","event":{"action":"view","any":${nested}}}`).replaceAll('%5B', '[').replaceAll('%5D', ']'))
    t.ok(outcome.kind === 'valid' || outcome.kind === 'invalid', `${depth} deep: ${outcome.kind}`)
  }
})

t.test('an event error says whose event it was', async t => {
  const processor = await createProcessor(t)

  t.match(errorOf(processor, line(capsuleOf({ action: 1 }))), { wiki: 'enwiki', recvFrom: 'cp1', seqId: 17, timestamp: 1400664601, event: { schema: 'Test', revision: 1 } }, 'from the capsule')
  t.match(errorOf(processor, 'garbage ?%7B%22schema%22%3A%22Test%22%2C%22revision%22%3A7'), { recvFrom: 'this-host', event: { schema: 'Test', revision: 7 } }, 'from percent-encoded text')
  t.match(errorOf(processor, 'garbage {"schema": "Test", "revision": 7'), { event: { schema: 'Test', revision: 7 } }, 'from plain text')
  t.match(errorOf(processor, 'garbage'), { event: { schema: 'unknown', revision: -1, rawEvent: 'garbage' } })
})

t.test('an event error is valid itself, and the same line has the same uuid', async t => {
  const processor = await createProcessor(t)
  const server = await createProcessor(t, '%{seqId}d EventLogging %j')
  const otherHost = await createProcessor(t)
  const bad = line(capsuleOf({ action: 'fly' }))

  const error = errorOf(processor, bad)

  t.equal(errorOf(processor, bad).uuid, error.uuid)
  t.not(errorOf(processor, bad.replace('17', '18')).uuid, error.uuid)
  for (const raw of [bad, 'garbage from 203.0.113.9']) {
    const first = errorOf(processor, raw)
    t.strictSame(errorOf(processor, first.event.rawEvent), { ...first, timestamp: errorOf(processor, first.event.rawEvent).timestamp }, 'also when the line that was kept is replayed')
    t.equal(errorOf(otherHost, raw).uuid, first.uuid, 'also where addresses are hashed with another key')
  }
  t.equal(server.process(`1 EventLogging ${JSON.stringify(error).replaceAll(' ', '\\u0020')}`).kind, 'valid')
})

t.test('no client address leaves the processor', async t => {
  const processor = await createProcessor(t)
  const lines = [
    line(capsuleOf({ action: 'view' })),
    line(capsuleOf({ action: 'fly' })),
    line('{broken'),
    'garbage 203.0.113.9 garbage',
    'garbage 203.0.113.9:4711, 2001:db8::7 and [2001:db8::7]'
  ]
  for (const line of lines) {
    const outcome = processor.process(line)
    t.notMatch('json' in outcome ? outcome.json : '203.0.113.9', /203\.0\.113\.9|2001:db8::7/)
  }
  t.match(errorOf(processor, line('{broken')).event.rawEvent, /09:30:01 [0-9a-f]{40} Mozilla/)
  t.match(errorOf(processor, 'at 12:30:01 in 1.2.3').event.rawEvent, 'at 12:30:01 in 1.2.3', 'what is no address stays')
})

t.test('nothing that comes from the network makes it throw', async t => {
  const processor = await createProcessor(t)
  fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.jsonValue().map(value => line(JSON.stringify(value))), fc.record({ event: fc.jsonValue(), wiki: fc.jsonValue() }).map(fields => line({ schema: 'Test', revision: 1, ...fields }))), input => {
    const outcome = processor.process(input)
    return 'json' in outcome && typeof JSON.parse(outcome.json) === 'object' && !outcome.json.includes('\n')
  }), { numRuns: 500 })
})

const halfOfThem = 'schemas: { Test: { sampling: { rate: 0.5, by: event.any } } }'
/** Of the values of `any`, one that a rate of a half keeps, and one that it does not: SHA-1 of `d` begins with 3, of `b` with e. */
const [inside, outside] = ['d', 'b'] as const

t.test('an event that is sampled says by which rate, in the same text that came; one that is not becomes nothing', async t => {
  const processor = await createProcessor(t, clientSide, halfOfThem)
  const text = '{"schema":"Test","revision":1,"wiki":"enwiki","event":{"action":"view","big":9007199254740993,"any":"\\u0064"}}'

  const kept = processor.process(line(text))
  const other = processor.process(line(capsuleOf({ action: 'view', any: outside })))
  const wrong = processor.process(line(capsuleOf({ action: 'no such', any: outside })))

  t.equal(kept.kind, 'valid')
  t.match('json' in kept ? kept.json : '', new RegExp(`^${text.slice(0, -1).replace(/[{}\\]/g, '\\$&')},"recvFrom":.*"uuid":"[0-9a-f]{32}","samplingRate":0\\.5}$`))
  t.strictSame(other, { kind: 'dropped', why: 'sampled', schema: 'Test' })
  t.strictSame(wrong, other, 'before anything is paid for its validation')
})

t.test('the rate that a sender gives is multiplied; what is no rate is refused', async t => {
  const [processor, plain] = [await createProcessor(t, clientSide, halfOfThem), await createProcessor(t)]
  const sent = (samplingRate: unknown): string => line({ ...capsuleOf({ action: 'view', any: inside, big: 1 }), samplingRate })
  const rateFrom = (from: EventProcessor, samplingRate: unknown): unknown => {
    const outcome = from.process(sent(samplingRate))
    return outcome.kind === 'valid' ? (JSON.parse(outcome.json) as { samplingRate: number }).samplingRate : outcome.kind
  }

  t.strictSame([0.1, 1, 1e-9].map(rate => rateFrom(processor, rate)), [0.05, 0.5, 5e-10])
  t.strictSame([0.1, 1].map(rate => rateFrom(plain, rate)), [0.1, 1])
  for (const rate of [0, -1, 1.5, 1e-10, '0.1', null, true, []]) t.strictSame([processor, plain].map(from => rateFrom(from, rate)), ['invalid', 'invalid'], String(rate))
})

t.test('an event that has to be written anew has the rate too; one with metadata of its own has no field for it', async t => {
  const processor = await createProcessor(t, clientSide, halfOfThem)
  const twice = processor.process(line('{"schema":"Test","revision":1,"wiki":"x","wiki":"enwiki","event":{"action":"view","any":"d","big":9007199254740993}}'))
  const meta = processor.process(line({ meta: { schema_uri: 'Meta/1', id: inside } }))

  t.match('json' in twice ? twice.json : '', /"big":9007199254740993.*"samplingRate":0\.5\}$/)
  t.notMatch('json' in meta ? meta.json : 'nothing', /samplingRate/)
})
