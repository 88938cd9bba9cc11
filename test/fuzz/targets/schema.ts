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
const formats = ['uri', 'date-time', 'email', 'regex', 'hostname', 'ipv6', 'style', 'color', '__proto__']

/** Schemas of all drafts, JSON and YAML, and events that they are asked about. */
export const schemas: Target<Input> = {
  name: 'schema',
  async open () {
    const seeds = textsIn(...seedSchemaDirectories())
    const events = seedEvents() as Array<{ event: unknown }>
    const capsule = { type: 'object', properties: { event: {}, schema: {}, revision: {} } }
    return await Promise.resolve({
      generate (random) {
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
    const: () => anyJson(random, 2),
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
