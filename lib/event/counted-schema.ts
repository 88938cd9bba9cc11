import { createResolver } from './references.js'
import type { JsonSchema } from './schemas.js'
import { allSchemas, isObject, mapSchemas, subschemas } from './subschemas.js'

/** A keyword of ours: what it costs, in steps, to look at a value once with the schema that it stands in. */
export const costKeyword = 'vanadium:cost'

export interface Cost {
  readonly steps: number
  /** For each field of an object as well; none where nothing goes through them. */
  readonly stepsAField: number
}

/** Keywords whose schema looks at any number of parts of a value. */
const repeating: ReadonlySet<string> = new Set([
  'additionalItems', 'additionalProperties', 'contains', 'items', 'patternProperties', 'propertyNames', 'unevaluatedItems', 'unevaluatedProperties'
])
/** Keywords whose schemas leave an error each when they do not fit, which ajv keeps until it knows of all. */
const collecting: ReadonlySet<string> = new Set(['anyOf', 'contains', 'oneOf'])
/** What an error costs: more time than a step, and memory. */
const stepsOfError = 30
/** Keywords for which ajv keeps account of all fields that were looked at, and adds up the accounts of schemas in schemas. */
const accounting = ['unevaluatedItems', 'unevaluatedProperties']
/** What a field in an account costs each time that it is added to that of the schema around it. */
const stepsOfAccount = 5
/** Names that a field is compared with in a step, where `unevaluatedProperties` knows them beforehand. */
const namesAStep = 24
/** Characters of a text in the schema that are compared in a step. */
const charactersAStep = 32
/** Keywords that go through all fields of an object even where no schema looks at them. */
const byField = ['additionalProperties', 'maxProperties', 'minProperties', 'patternProperties', 'propertyNames', 'unevaluatedProperties']

interface Costly {
  /** What may be looked at more often than it is written. */
  readonly schemas: ReadonlySet<unknown>
  /** What leaves an error. */
  readonly collected: ReadonlySet<unknown>
  /** How many names may be in the account of a schema besides those that an event has; null where nobody keeps any. */
  readonly names: ((schema: unknown) => number) | null
}

/**
 * A copy in which every schema says what it costs that may be looked at more often than it is written: it holds for any number of parts,
 * it is referred to, or it goes through all fields beside others that do. What the rest costs is in that of the schema around it.
 */
export function counted (root: JsonSchema): JsonSchema {
  const costly = costlyIn(root)
  if (costly.schemas.size === 0) return root
  return mapSchemas(root, (schema, original) => costly.schemas.has(original) ? { ...schema, [costKeyword]: costOf(original, costly) } : schema)
}

function costlyIn (root: JsonSchema): Costly {
  const costly = new Set<unknown>()
  const collected = new Set<unknown>()
  const schemas = allSchemas(root)
  const keepsAccounts = schemas.some(({ schema }) => accounting.some(name => Object.hasOwn(schema, name)))
  const resolve = createResolver(root, schemas)
  const sameAccount = createGroups<unknown>()
  const visit = (schema: JsonSchema, base: JsonSchema): void => {
    const { $id, $ref } = schema
    const start = typeof $id === 'string' ? schema : base
    if (typeof $ref === 'string') {
      // the second from the nearest id on, as ajv has it
      for (const target of [resolve($ref), createResolver(start, [])($ref)]) {
        costly.add(target)
        if (isObject(target)) sameAccount.join(schema, target)
      }
    }
    for (const { keyword, schema: inner, inPlace } of subschemas(schema)) {
      if (repeating.has(keyword) || (inPlace && (keepsAccounts || byField.some(name => Object.hasOwn(inner, name))))) costly.add(inner)
      if (collecting.has(keyword)) collected.add(inner)
      if (inPlace) sameAccount.join(schema, inner)
      visit(inner, start)
    }
  }
  visit(root, root)
  return { schemas: costly, collected, names: keepsAccounts ? namesBy(schemas.map(({ schema }) => schema), sameAccount.of) : null }
}

/** The names of fields in all schemas of the same account: one may have those of any other. */
function namesBy (schemas: readonly JsonSchema[], accountOf: (schema: unknown) => unknown): (schema: unknown) => number {
  const names = new Map<unknown, Set<string>>()
  for (const schema of schemas) {
    const account = accountOf(schema)
    const known = names.get(account) ?? new Set()
    names.set(account, known)
    if (isObject(schema['properties'])) for (const name of Object.keys(schema['properties'])) known.add(name)
  }
  return schema => names.get(accountOf(schema))?.size ?? 0
}

interface Groups<T> {
  join (one: T, other: T): void
  /** The same for all that were joined. */
  of (one: T): T
}

function createGroups<T> (): Groups<T> {
  const next = new Map<T, T>()
  const of = (one: T): T => {
    let last = one
    for (let on = next.get(last); on !== undefined; on = next.get(last)) {
      // the way gets shorter each time
      const beyond = next.get(on)
      if (beyond !== undefined) next.set(last, beyond)
      last = on
    }
    return last
  }
  return {
    join (one, other) {
      const [a, b] = [of(one), of(other)]
      if (a !== b) next.set(a, b)
    },
    of
  }
}

function costOf (schema: JsonSchema, costly: Costly): Cost {
  let steps = 0
  const add = (value: unknown, isCompared: boolean): void => {
    steps++
    if (isCompared && typeof value === 'string') steps += value.length / charactersAStep
    if (typeof value !== 'object' || value === null || (value !== schema && costly.schemas.has(value))) return
    if (costly.collected.has(value)) steps += stepsOfError
    for (const [keyword, inner] of Object.entries(value)) if (!isObject(value) || !definitions.includes(keyword)) add(inner, isCompared || compared.includes(keyword))
  }
  add(schema, false)
  if (costly.names === null) return { steps, stepsAField: byField.some(name => Object.hasOwn(schema, name)) ? 1 : 0 }
  const names = costly.names(schema)
  return { steps: steps + names * stepsOfAccount, stepsAField: stepsOfAccount + (Object.hasOwn(schema, 'unevaluatedProperties') ? names / namesAStep : 0) }
}

/** They cost nothing where they stand. */
const definitions = ['$defs', 'definitions']
/** Their texts are compared with what comes. */
const compared = ['const', 'enum']
