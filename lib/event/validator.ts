import type { Ajv, ErrorObject, Options, ValidateFunction } from 'ajv'
import { messageOf } from '../errors.js'
import { counted } from './counted-schema.js'
import { createAjv, type Dialect } from './dialect.js'
import { createEffort, TooMuchEffort } from './effort.js'
import { ajvFormats } from './formats.js'
import { addCosts, addUniqueItems } from './keywords.js'
import { problemOf, problemsOf, wholeProblem, type About } from './problem.js'
import { regExpEngine } from './regexp.js'
import type { JsonSchema, Problem, Schema } from './schemas.js'
import { allSchemas, isObject, mapSchemas } from './subschemas.js'

export interface ValidatorParts {
  readonly name: string
  readonly revision: number
  readonly style: Schema['style']
  readonly modern: JsonSchema
  readonly dialect: Dialect
  /** The capsule around an event, in modern form, at most draft-07. Not used in `meta` style. */
  readonly capsule: JsonSchema
}

/** The base that references in an event's schema start from. */
const eventId = 'vanadium:event'

/**
 * One function for a whole event, the capsule's fields included; making it takes milliseconds, calling it a microsecond. It never
 * throws and never changes the event. Throws, of any class, if ajv cannot compile the schema.
 */
export function compileValidator (parts: ValidatorParts): (event: object) => Problem | null {
  const about = aboutOf(parts)
  const check = compile(schemaOf(parts), parts.dialect)
  return event => guarded(about, problem => problem, () => check(event) ? null : problemOf(check.errors, about))
}

/** The same, but everything that is wrong: takes long for an event that is wrong in many places, so it is for people who ask about one. */
export function compileInspector (parts: ValidatorParts): (event: object) => Problem[] {
  const about = aboutOf(parts)
  const check = compile(schemaOf(parts), parts.dialect, true)
  return event => guarded(about, problem => [problem], () => check(event) ? [] : problemsOf(check.errors, about))
}

function aboutOf ({ name, revision, style }: ValidatorParts): About {
  return { pointer: style === 'meta' ? '' : '/event', label: `${name}/${revision}` }
}

function schemaOf (parts: ValidatorParts): JsonSchema {
  return parts.style === 'meta' ? parts.modern : inCapsule(parts)
}

function guarded<T> ({ label }: About, failed: (problem: Problem) => T, check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (error instanceof TooMuchEffort) return failed(wholeProblem('fewer values, or shorter ones', 'more than can be checked at once'))
    // the stack ran out: a schema that contains itself is followed as deep as the event goes
    if (error instanceof RangeError) return failed(wholeProblem('fewer levels of nesting', 'more than can be checked'))
    // a mistake of ajv's in the code for this schema; other schemas go on
    return failed(wholeProblem(`an event that ${label} can be checked against`, `an error: ${messageOf(error)}`))
  }
}

function inCapsule ({ name, revision, modern, capsule }: ValidatorParts): JsonSchema {
  return {
    ...capsule,
    properties: {
      ...(isObject(capsule['properties']) ? capsule['properties'] : {}),
      // found by these two already: comparing is faster than matching a pattern
      schema: { const: name },
      revision: { const: revision },
      event: { $id: eventId, type: 'object', ...modern }
    }
  }
}

/** Tells whether a value meets a schema; if not, why is in `errors`. Throws `TooMuchEffort`. */
export interface Check {
  (value: unknown): boolean
  readonly errors: readonly ErrorObject[]
}

/**
 * Whether values meet a schema in modern form, or a part of one. Throws, of any class, if ajv cannot compile it.
 *
 * An instance of ajv for each schema: one that is shared keeps every schema that it ever saw, and mixes up their ids.
 */
export function compile (schema: JsonSchema, dialect: Dialect, allErrors = false): Check {
  const inherited = hasInheritedNames(schema)
  const effort = createEffort()
  const options: Options = {
    meta: false,
    validateSchema: false,
    strict: false,
    strictNumbers: true,
    logger: false,
    allErrors,
    messages: false,
    verbose: true,
    // 0.3 is a multiple of 0.1
    multipleOfPrecision: 9,
    ownProperties: inherited,
    // what many refer to is compiled once, however many they are
    inlineRefs: false,
    formats: ajvFormats(effort),
    // V8 does that as well; ajv takes time that is quadratic in the fields
    code: { regExp: regExpEngine(effort), optimize: false }
  }
  const ajv = createAjv(dialect, options)
  // costs time and has bugs (ajv's issue 2559): only for those who ask for it
  ajv.opts.unevaluated = allSchemas(schema).some(({ schema }) => 'unevaluatedProperties' in schema || 'unevaluatedItems' in schema)
  addUniqueItems(ajv, effort)
  addCosts(ajv, effort)
  const validate = ajv.compile(counted(inherited ? mapSchemas(schema, withProtoField) : schema))
  const functions = functionsOf(ajv, validate)
  let errors = noErrors
  const check = (value: unknown): boolean => {
    effort.begin()
    errors = noErrors
    try {
      if (validate(value) === true) return true
      errors = validate.errors?.slice(allErrors ? 0 : -mostErrors) ?? noErrors
      return false
    } finally {
      // each keeps those of the last event: together these may be tens of megabytes
      if (effort.spent() > fewSteps) for (const made of functions) made.errors = null
    }
  }
  return Object.defineProperty(check, 'errors', { get: () => errors }) as Check
}

const noErrors: readonly ErrorObject[] = []
/** The last of them say what is wrong. */
const mostErrors = 2
/** What took no more has left few errors. */
const fewSteps = 10_000

/** All that ajv has made for a schema: one function for the whole, and one for whatever is referred to. */
function functionsOf ({ refs, schemas }: Ajv, validate: ValidateFunction): Set<ValidateFunction> {
  const found = new Set([validate])
  const add = (environments: object): void => {
    for (const environment of Object.values(environments) as unknown[]) {
      if (isObject(environment) && typeof environment['validate'] === 'function') found.add(environment['validate'] as ValidateFunction)
    }
  }
  for (const environments of [refs, schemas]) add(environments)
  // grows while it is walked
  for (const { schemaEnv: { root } } of found) add(root.refs)
  return found
}

/** Whether a field is called `constructor` or the like: every object seems to have it. */
function hasInheritedNames (root: JsonSchema): boolean {
  return allSchemas(root).some(({ schema }) => {
    const { properties, required, dependencies, dependentRequired } = schema
    const names = [properties, dependencies, dependentRequired].flatMap(map => isObject(map) ? Object.entries(map).flat() : [])
    return [...names, required].flat().some(name => typeof name === 'string' && name in Object.prototype)
  })
}

/** ajv passes over a field called `__proto__`; as a pattern it does not. */
function withProtoField (schema: JsonSchema): JsonSchema {
  const { properties, patternProperties } = schema
  const [, field] = isObject(properties) ? Object.entries(properties).find(([name]) => name === '__proto__') ?? [] : []
  if (field === undefined) return schema
  return { ...schema, patternProperties: { ...(isObject(patternProperties) ? patternProperties : {}), '^__proto__$': field } }
}
