import t from 'tap'
import { compileFormat } from '../../lib/event/line-format.js'
import { nobodyOptedOut } from '../../lib/event/opt-out.js'
import { createEventProcessor } from '../../lib/event/processor.js'
import { openSchemas } from '../../lib/event/schema-repository.js'
import { testContext } from '../helpers/context.js'
import { idleTimeOf } from '../helpers/speed.js'

const schema = { properties: { action: { type: 'string', required: true }, any: { type: 'any' }, list: { type: 'array', items: { type: 'integer' } } } }

/** What stands for the event, and what comes of it: the event as it is afterwards, or what the event error says. */
const events: ReadonlyArray<readonly [what: string, text: string, outcome: string | RegExp]> = [
  ['keys that objects have by themselves', '{"action":"a","any":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}}', '{"action":"a","any":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}}'],
  ['such a key at the top, which no schema has', '{"action":"a","__proto__":{"polluted":1}}', /\/event\/__proto__: not a field of Test\/1/],
  ['a key that stands twice: the last one counts, for all', '{"action":1,"action":"b"}', '{"action":"b"}'],
  ['a key that stands twice, at the end a bad one', '{"action":"b","action":1}', /\/event\/action: expected a string; got 1/],
  ['a number beyond all', '{"action":"a","any":1e400}', /beyond 1\.8e308/],
  ['a number beyond all, deep inside', `{"action":"a","any":${'['.repeat(500)}-1e400${']'.repeat(500)}}`, /beyond 1\.8e308/],
  ['a number of a million digits', `{"action":"a","any":${'9'.repeat(1_000_000)}}`, /beyond 1\.8e308/],
  ['a number with all its digits', '{"action":"a","any":123456789012345678901234567890}', '{"action":"a","any":123456789012345678901234567890}'],
  ['a hundred thousand levels', `{"action":"a","any":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, /nested too deeply/],
  ['a hundred thousand levels of objects', `{"action":"a","any":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`, /nested too deeply/],
  ['a million items', `{"action":"a","list":[${'1,'.repeat(1_000_000)}1]}`, `{"action":"a","list":[${'1,'.repeat(1_000_000)}1]}`],
  ['a million items of which the last is bad', `{"action":"a","list":[${'1,'.repeat(1_000_000)}"x"]}`, /\/event\/list\/1000000: expected an integer; got "x"/],
  ['a hundred thousand fields', `{"action":"a","any":{${Array.from({ length: 100_000 }, (_, n) => `"f${n}":1`).join()}}}`, /^\{"action":"a","any":\{"f0":1/],
  ['half of a surrogate pair', '{"action":"\\ud800"}', '{"action":"\\ud800"}'],
  ['a zero byte', '{"action":"a\\u0000b"}', '{"action":"a\\u0000b"}']
]

/** What one may take on an idle machine; the slowest, of megabytes, takes a second. */
const mostMs = 5000

t.test('events made to hurt become valid ones as they are, or event errors; none takes for ever, none changes what objects have', async t => {
  const schemas = await openSchemas({ directories: [t.testdir({ Test: { '1.json': JSON.stringify(schema) } })], log: testContext().log })
  const processor = createEventProcessor({
    format: compileFormat('%{seqId}d %j'),
    schemas,
    hashAddress: address => address,
    parseUserAgent: userAgent => userAgent,
    maxLine: 4 << 20,
    hostname: 'here',
    optOut: nobodyOptedOut
  })
  for (const [what, text, expected] of events) {
    const line = `1 {"schema":"Test","revision":1,"wiki":"w","recvFrom":"cp1","timestamp":1400664601,"event":${text}}`
    let outcome = null as ReturnType<typeof processor.process> | null
    const ms = await idleTimeOf(() => { outcome = processor.process(line) })

    t.ok(ms < mostMs, `${what}: ${ms.toFixed(0)} ms`)
    if (outcome === null || !('json' in outcome)) {
      t.fail(what)
      continue
    }
    const said = outcome.kind === 'valid' ? outcome.json.slice(outcome.json.indexOf('"event":') + 8) : (JSON.parse(outcome.json) as { event: { message: string } }).event.message
    if (typeof expected === 'string') t.ok(outcome.kind === 'valid' && said.startsWith(expected), `${what}: ${said.slice(0, 200)}`)
    else t.match(said.slice(0, 1000), expected, what)
  }
  t.notOk('polluted' in {}, 'objects are as they were')
})
