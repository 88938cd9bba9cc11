import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openSchemas } from '../../lib/event/schema-repository.js'
import { isRefused } from '../../lib/event/schemas.js'
import { testContext } from '../helpers/context.js'
import { capsuleOf } from '../helpers/schemas.js'
import { idleTimeOf } from '../helpers/speed.js'

interface Attack {
  readonly schema: object | string
  /** Why it is refused; without this it is taken, and what it says of the event. */
  readonly refused?: RegExp
  readonly event?: object
  readonly says?: RegExp
}

const modern = 'http://json-schema.org/draft-07/schema#'
const modern2019 = 'https://json-schema.org/draft/2019-09/schema'
const tooMuch = /expected fewer values, or shorter ones; got more than can be checked at once$/

function times<T> (count: number, make: (n: number) => T): T[] {
  return Array.from({ length: count }, (_, n) => make(n))
}

function fields (count: number, make: (n: number) => unknown): object {
  return Object.fromEntries(times(count, n => [`f${n}`, make(n)]))
}

function nested (depth: number): object {
  let event: object = { a: 1 }
  for (let level = 0; level < depth; level++) event = { a: event }
  return event
}

/** Each level refers to the next one twice: 2^25 ways. */
const doubling = Object.fromEntries(times(26, n => [`d${n}`, n === 25 ? { type: 'string' } : { allOf: [{ $ref: `#/definitions/d${n + 1}` }, { $ref: `#/definitions/d${n + 1}` }] }]))
/** Both alternatives go down to the end before they fail. */
const doublingAlternatives = { n: { anyOf: times(2, () => ({ allOf: [{ properties: { a: { $ref: '#/definitions/n' } } }, { required: ['none'] }] })) } }

/** Each level refers to the next one eighty times: half a million ways to a part. */
function fan (part: object, keyword = 'allOf'): object {
  const level = (next: string): object => ({ [keyword]: times(80, () => ({ $ref: `#/definitions/${next}` })) })
  return { d0: level('d1'), d1: level('d2'), d2: level('d3'), d3: part }
}

/** A field in which a draft-03 schema refers to one place two thousand times. */
const referring = (ref: string): object => ({ a: { extends: times(180, () => ({ extends: times(11, () => ({ $ref: ref })) })) } })
/** Sixty references in a row; each keeps account of two fields, and adds up what those below it have looked at. */
const chain = (last: object): object => ({ e: { anyOf: [{ properties: { a: true } }, {}] }, ...Object.fromEntries(times(60, n => [`c${n}`, n === 59 ? last : { allOf: [{ $ref: '#/definitions/e' }, { $ref: `#/definitions/c${n + 1}` }] }])) })

const attacks: Record<string, Attack> = {
  ManyValues: { schema: { properties: { a: { enum: times(20_001, n => n) } } }, refused: /more than 20000 values/ },
  ManyFields: { schema: { properties: fields(1300, () => ({ type: 'string' })) }, refused: /1300 fields, items and alternatives.*at most 1200/ },
  ManyFieldsInAField: { schema: { properties: { a: { properties: fields(700, () => ({})) }, ...fields(700, () => ({})) } }, refused: /\/properties\/a has 1401 fields/ },
  ManyParts: { schema: { properties: fields(1000, () => ({ properties: fields(5, () => ({})) })) }, refused: /more than 5000 parts/ },
  ManyAlternatives: { schema: { $schema: modern, properties: { a: { oneOf: times(201, n => ({ const: n })) } } }, refused: /\/oneOf: has 201 members, at most 200/ },
  ManyPatterns: { schema: { patternProperties: Object.fromEntries(times(101, n => [`^x${n}$`, {}])) }, refused: /more than 100 patterns/ },
  CostlyPatterns: { schema: { properties: fields(20, n => ({ pattern: `^x{900}y{${n}}$` })) }, refused: /steps together, at most 10000/ },
  Backtracking: { schema: { properties: { a: { pattern: '^(a+)+$' } } }, event: { a: `${'a'.repeat(60_000)}b` }, says: /expected a string that matches/ },
  ManyStates: { schema: { properties: { a: { pattern: '(a.{0,500}b.{0,300}c)$' } } }, event: { a: 'abcdefgh'.repeat(8000) }, says: tooMuch },
  LargePattern: { schema: { properties: { a: { pattern: 'x{1000}'.repeat(1300) } } }, refused: /is too costly \(1300000 steps a character, at most 2000\)/ },
  LongPattern: { schema: { properties: { a: { pattern: '\\pL'.repeat(60_000) } } }, refused: /has 180000 characters, at most 10000 are taken/ },
  LookAround: { schema: { properties: { a: { pattern: '(?=a)b' } } }, refused: /cannot be matched in linear time/ },
  Deep: { schema: `{"properties": {"a": ${'{"items": '.repeat(70)}{}${'}'.repeat(70)}}}`, refused: /nests deeper than 64 levels/ },
  VeryDeep: { schema: `{"properties": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`, refused: /nests deeper than 64 levels/ },
  DeepYaml: { schema: `a: ${'['.repeat(100_000)}`, refused: /line 1, column \d+: this nests too deep/ },
  DeepYamlLines: { schema: `a: ${'- '.repeat(100_000)}`, refused: /this nests too deep/ },
  Bomb: { schema: `a: &a [x,x,x,x,x,x,x,x,x]\n${times(8, n => `b${n}: &b${n} [${times(9, () => n === 0 ? '*a' : `*b${n - 1}`).join()}]`).join('\n')}\nproperties: *b7`, refused: /aliases stand for more than 100000 values/ },
  Itself: { schema: 'properties: &p\n  a: { properties: *p }', refused: /\*p stands for something that it is in/ },
  ManyAliases: { schema: times(7000, n => `k${n}: &a${n} 1\nl${n}: *a${n}`).join('\n'), refused: /more than 500 aliases/ },
  ManyKeys: { schema: `properties:\n${times(15_000, n => `  k${n}: {}`).join('\n')}`, refused: /more than/ },
  ManyMistakes: { schema: `a: [${','.repeat(100_000)}`, refused: /line 1, column/ },
  Large: { schema: `{"properties": {}, "description": "${'x'.repeat(256 << 10)}"}`, refused: /bytes, at most 262144 are read/ },
  Remote: { schema: { $schema: modern, properties: { a: { $ref: 'http://127.0.0.1:1/other.json' } } }, refused: /leads out of the schema/ },
  RemoteFile: { schema: { properties: { a: { $ref: 'file:///etc/passwd' } } }, refused: /leads out of the schema/ },
  Neighbour: { schema: { $schema: modern, properties: { a: { $ref: '../Good/1.json' } } }, refused: /leads out of the schema/ },
  Hidden: { schema: { $schema: modern, properties: { a: { $ref: '#/x' } }, x: { pattern: '(?=a)' } }, refused: /leads to no schema; put what it refers to into definitions/ },
  Circle: { schema: { $schema: modern, properties: { a: { $ref: '#/definitions/x' } }, definitions: { x: { $ref: '#/definitions/x' } } }, refused: /leads back to itself/ },
  CopiedReferences: { schema: { properties: { a: { extends: times(100, () => ({ $ref: '#/b' })) } }, b: { properties: fields(100, () => ({})) } }, refused: /more than 5000 parts, counting what \$ref copies/ },
  CopiedLists: { schema: { properties: referring('#/b'), b: { enum: times(10_000, n => n) } }, refused: /more than 20000 values, counting what \$ref copies/ },
  CopiedUnions: { schema: { properties: referring('#/b'), b: { type: times(10_000, () => 'string') } }, refused: /more than 20000 values, counting what \$ref copies/ },
  ReferencesByAnId: { schema: { properties: referring('x'), default: times(15_000, n => n), z: { id: 'x' } }, event: { a: 1 } },
  ManyReferences: { schema: { $schema: modern, properties: { a: { allOf: times(200, () => ({ $ref: '#/definitions/x' })) } }, definitions: { x: { allOf: times(200, n => ({ maximum: n + 1000 })) } } }, event: { a: 1 } },
  Doubling: { schema: { $schema: modern, properties: { a: { $ref: '#/definitions/d0' } }, definitions: doubling }, event: { a: 'x' }, says: tooMuch },
  DoublingBehindAnId: { schema: { $schema: modern, properties: { a: { $id: 'own', allOf: [{ $ref: '#/definitions/d0' }], definitions: doubling } }, definitions: { ...doubling, d0: {} } }, event: { a: 'x' }, says: tooMuch },
  DoublingAlternatives: { schema: { $schema: modern, properties: { a: { $ref: '#/definitions/n' } }, definitions: doublingAlternatives }, event: nested(40), says: tooMuch },
  OwnCosts: { schema: { $schema: modern, properties: { a: { $ref: '#/definitions/d0', 'vanadium:cost': { steps: -1e12 } } }, definitions: doubling, 'vanadium:cost': { steps: -1e12 } }, event: { a: 'x' }, says: tooMuch },
  LargeItems: { schema: { properties: { a: { items: { enum: times(6000, n => ({ v: n })) } } } }, event: { a: times(8000, () => ({ v: 5999 })) }, says: tooMuch },
  LongLengths: { schema: { $schema: modern, properties: { a: { $ref: '#/definitions/d0' } }, definitions: { ...doubling, d12: { maxLength: 100_000 } } }, event: { a: 'x'.repeat(60_000) }, says: tooMuch },
  LongConstants: { schema: { $schema: modern, properties: { a: { $ref: '#/definitions/d0' } }, definitions: fan({ not: { const: `${'x'.repeat(60_000)}y` } }) }, event: { a: `${'x'.repeat(60_000)}z` }, says: tooMuch },
  LongDistinct: { schema: { $schema: modern, properties: { a: { $ref: '#/definitions/d0' } }, definitions: fan({ uniqueItems: true }) }, event: { a: times(4, n => `${'x'.repeat(15_000)}${n}`) }, says: tooMuch },
  LongDistinctInside: { schema: { $schema: modern, properties: { a: { $ref: '#/definitions/d0' } }, definitions: fan({ uniqueItems: true }) }, event: { a: times(2, n => [`${'x'.repeat(30_000)}${n}`]) }, says: tooMuch },
  Accounts: { schema: { $schema: modern2019, properties: { a: { allOf: times(100, () => ({ $ref: '#/definitions/c0' })), unevaluatedProperties: false } }, definitions: chain({ patternProperties: { '': true } }) }, event: { a: fields(8000, () => 1) }, says: tooMuch },
  AccountsOfNames: { schema: { $schema: modern2019, properties: { a: { allOf: times(100, () => ({ $ref: '#/definitions/c0' })), unevaluatedProperties: {} } }, definitions: chain({ anyOf: [{ properties: fields(1000, () => true) }] }) }, event: { a: 'x' }, says: tooMuch },
  ManyErrors: { schema: { $schema: modern, properties: { a: { anyOf: times(60, () => ({ contains: { type: 'string' } })) } } }, event: { a: times(32_000, () => 1) }, says: tooMuch },
  ManyErrorsOfReferences: { schema: { $schema: modern, properties: { a: { $ref: '#/definitions/d0' } }, definitions: fan({ type: 'string' }, 'anyOf') }, event: { a: 1 }, says: tooMuch },
  DistinctInDistinct: { schema: { $schema: modern, properties: { a: { $ref: '#/definitions/n' } }, definitions: { n: { uniqueItems: true, items: { $ref: '#/definitions/n' } } } }, event: { a: JSON.parse(`${'['.repeat(1500)}${']'.repeat(1500)}`) as object }, says: tooMuch },
  Distinct: { schema: { properties: { a: { uniqueItems: true } } }, event: { a: times(32_000, n => n) } },
  ManyItems: { schema: { properties: { a: { items: { type: 'integer' } } } }, event: { a: times(1_000_000, n => n) } },
  DeepEvent: { schema: { $schema: modern, properties: { a: { $ref: '#' } } }, event: nested(20_000), says: /expected fewer levels of nesting|more than can be checked/ },
  OddNames: { schema: '{"properties": {"__proto__": {"type": "integer"}, "constructor": {"type": "string", "required": true}, "a": {"properties": {"__proto__": {}}}}}', event: { constructor: 'x' } },
  Infinite: { schema: '{"properties": {"a": {"maximum": 1e400, "divisibleBy": 1e-300}}}', refused: /must be number/ }
}

/** What loading all, or one event, may take on an idle machine: several times what it does, and a fraction of what it took before there were limits. */
const mostMs = { load: 10_000, event: 250 }

// each was seen to hang, to crash, or to be taken, without the limit that it is about
t.test('schemas made to hurt are refused with the reason, or check events in bounded time; a good one beside them does not notice', async t => {
  const directory = t.testdir({ Good: { '1.json': '{"properties": {"a": {"type": "integer"}}}' } })
  for (const [name, { schema }] of Object.entries(attacks)) {
    mkdirSync(join(directory, name))
    writeFileSync(join(directory, name, '1.yaml'), typeof schema === 'string' ? schema : JSON.stringify(schema))
  }

  let repository = await openSchemas({ directories: [], log: testContext().log })
  const took = await idleTimeOf(async () => { repository = await openSchemas({ directories: [directory], log: testContext().log }) })

  t.ok(took < mostMs.load, `${took.toFixed(0)} ms to load all`)
  for (const [name, { refused, event, says }] of Object.entries(attacks)) {
    const found = repository.find(name, 1)
    if (found === undefined) t.fail(`${name} is known`)
    else if (refused !== undefined) t.match(isRefused(found) ? found.reason : 'it is taken', refused, name)
    else if (isRefused(found)) t.fail(`${name} is refused: ${found.reason}`)
    else {
      found.validate(capsuleOf(name, {}))
      const capsule = capsuleOf(name, event ?? {})
      let problem = null as ReturnType<typeof found.validate>
      const took = await idleTimeOf(() => { problem = found.validate(capsule) })
      t.ok(took < mostMs.event, `${name}: ${took.toFixed(0)} ms for an event`)
      if (says === undefined) t.equal(problem, null, `${name} takes the event`)
      else t.match(problem?.message, says, name)
    }
  }
  const good = repository.find('Good', 1)
  t.ok(good !== undefined && !isRefused(good))
  if (good === undefined || isRefused(good)) return
  t.equal(good.validate(capsuleOf('Good', { a: 1 })), null)
  t.match(good.validate(capsuleOf('Good', { a: 'x' })), { pointer: '/event/a' })
})
