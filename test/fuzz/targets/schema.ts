import { readDefinition } from '../../../lib/event/modern-schema.js'
import { parseSchema } from '../../../lib/event/schema-files.js'
import { compileValidator } from '../../../lib/event/validator.js'
import { ConfigError } from '../../../lib/errors.js'
import type { Target } from '../harness.js'
import { anyJson, mutateJson, mutateText, nastyTexts } from '../mutate.js'
import type { Random } from '../random.js'
import { seedEvents, seedSchemaDirectories, textsIn } from './seeds.js'

interface Input { readonly schema: string, readonly event: unknown }

/** Longest schema, in characters: what may take long is in proportion to it. */
const longest = 6000

const drafts = [undefined, undefined, 'draft-03', 'draft-04', 'draft-06', 'draft-07', 'draft/2019-09', 'draft/2020-12']
const refs = ['#', '#/definitions/a', '#/definitions/b', '#/properties/a', '#/$defs/a', '#a', 'other.json', '#/definitions/a/properties/b', '#/x']
const patterns = ['^a+$', '(a|b)*c', '(a+)+$', '(?=a)', '(.*a){20}', '[', '\\p{L}+', '^.{0,100}$', 'a{1,500}', '(\\1)']
const longText = 'x'.repeat(4000)
const formats = ['uri', 'date-time', 'email', 'regex', 'hostname', 'ipv6', 'style', 'color', '__proto__']

/** Schemas of all drafts, JSON and YAML, and events that they are asked about. */
export const schemas: Target<Input> = {
  name: 'schema',
  // making a validator, and then as many steps as an event may take, which are some 0.1 s
  mostMs: 250,
  async open () {
    const seeds = textsIn(...seedSchemaDirectories())
    const events = seedEvents() as Array<{ event: unknown }>
    const capsule = { type: 'object', properties: { event: {}, schema: {}, revision: {} } }
    return await Promise.resolve({
      generate (random) {
        if (random.oneIn(3)) return { schema: JSON.stringify(fanned(random)), event: { a: large(random), b: large(random) } }
        const schema = random.oneIn(3) ? mutateText(random, random.pick(seeds), seeds, longest) : JSON.stringify(random.oneIn(4) ? mutateJson(random, madeUp(random)) : madeUp(random)).slice(0, 20_000)
        return { schema, event: random.oneIn(3) ? random.pick(events).event : mutateJson(random, { a: anyJson(random), b: anyJson(random), c: anyJson(random) }) }
      },
      run ({ schema, event }) {
        const definition = readDefinition(parseSchema(schema))
        compileOrRefuse(definition)({ schema: 'Fuzz', revision: 1, event })
      }
    })

    function compileOrRefuse (definition: ReturnType<typeof readDefinition>): (event: object) => unknown {
      try {
        return compileValidator({ name: 'Fuzz', revision: 1, capsule, ...definition })
      } catch (cause) {
        // as the repository does, which refuses what ajv does not take
        throw new ConfigError('bad-schema', 'refused', { cause })
      }
    }
  }
}

function madeUp (random: Random): object {
  const $schema = random.pick(drafts)
  return {
    ...$schema === undefined ? {} : { $schema: `http://json-schema.org/${$schema}/schema#` },
    ...part(random, 4) as object,
    properties: { a: part(random, 4), b: part(random, 3) },
    definitions: { a: part(random, 3), b: part(random, 3) },
    ...random.oneIn(3) ? { $defs: { a: part(random, 2) } } : {}
  }
}

/** One in which few references lead to a part in very many ways. */
function fanned (random: Random): object {
  const levels = 1 + random.int(4)
  const level = (at: number): object => ({ [random.pick(['allOf', 'allOf', 'anyOf', 'oneOf'])]: Array.from({ length: 1 + random.size(80) }, () => ({ $ref: `#/definitions/d${at + 1}` })) })
  const definitions = Object.fromEntries(Array.from({ length: levels }, (_, at) => [`d${at}`, level(at)]))
  const $schema = `http://json-schema.org/${random.pick(['draft-07', 'draft/2019-09'])}/schema#`
  return { $schema, properties: { a: { $ref: '#/definitions/d0' }, b: part(random, 2) }, definitions: { ...definitions, [`d${levels}`]: part(random, 3), a: part(random, 2), b: part(random, 2) } }
}

/** A value that takes long to look at: long, wide or deep, and nearly the same in its parts. */
function large (random: Random): unknown {
  const text = 'x'.repeat(random.size(20_000))
  const count = random.size(8000)
  switch (random.int(5)) {
    case 0: return text
    case 1: return Array.from({ length: random.size(20) }, (_, n) => text + n)
    case 2: return Array.from({ length: count }, () => random.int(3))
    case 3: return Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, 1]))
    default: return Array.from({ length: random.size(60) }).reduce(inner => random.oneIn(2) ? [inner] : { a: inner, b: 1 }, text)
  }
}

/** A schema with a few keywords, whose operands are mostly what they should be. */
function part (random: Random, depth: number): unknown {
  if (depth === 0 || random.oneIn(8)) return random.pick([{}, true, { type: 'string' }, { $ref: random.pick(refs) }, { required: true, type: 'integer' }])
  const inner = (): unknown => part(random, depth - 1)
  const some = (): unknown[] => Array.from({ length: 1 + random.int(3) }, inner)
  const named = (): object => Object.fromEntries(Array.from({ length: random.int(4) }, () => [random.oneIn(5) ? random.pick(nastyTexts) : random.pick(['a', 'b', 'c', 'd']), inner()]))
  const keywords: Record<string, () => unknown> = {
    type: () => random.pick(['object', 'string', 'any', 'integer', ['string', 'null'], ['string', inner()], 'array']),
    properties: named,
    patternProperties: () => ({ [random.pick(patterns)]: inner() }),
    additionalProperties: () => random.oneIn(2) ? false : inner(),
    items: () => random.oneIn(2) ? inner() : some(),
    additionalItems: inner,
    allOf: some,
    anyOf: some,
    oneOf: some,
    extends: () => random.oneIn(2) ? inner() : some(),
    disallow: () => random.pick(['string', ['integer', inner()]]),
    not: inner,
    if: inner,
    then: inner,
    else: inner,
    contains: inner,
    propertyNames: inner,
    dependencies: () => ({ a: random.oneIn(2) ? ['b'] : inner(), b: 'c' }),
    $ref: () => random.pick(refs),
    $dynamicRef: () => random.pick(refs),
    $id: () => random.pick(['a', '#a', 'http://e.org/s', '']),
    id: () => random.pick(['a', '#a', 'http://e.org/s']),
    $anchor: () => 'a',
    pattern: () => random.pick(patterns),
    format: () => random.pick(formats),
    enum: () => Array.from({ length: random.size(300) }, () => anyJson(random, 1)),
    const: () => random.oneIn(4) ? longText : anyJson(random, 2),
    required: () => random.pick([true, ['a'], ['__proto__', 'constructor']]),
    minimum: () => random.pick([0, -1e400, 5, 'x']),
    exclusiveMinimum: () => random.pick([true, 3]),
    divisibleBy: () => random.pick([0, 0.1, 1e-300]),
    multipleOf: () => random.pick([0.01, 1e308]),
    minLength: () => random.int(5),
    maxLength: () => random.size(1000),
    uniqueItems: () => true,
    maxItems: () => random.int(5),
    minProperties: () => random.int(3),
    unevaluatedProperties: inner,
    dependentSchemas: named,
    prefixItems: some
  }
  const names = Object.keys(keywords)
  return Object.fromEntries(Array.from({ length: 1 + random.int(4) }, () => random.pick(names)).map(name => [name, keywords[name]?.()]))
}
