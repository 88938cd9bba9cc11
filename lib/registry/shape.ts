import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { placeOf, shown, type Path } from './problem.js'
import { fragmentSchema, registrySchema } from './registry-schema.js'

/** What is wrong at a place; `at` is the path of what the line to look at has. */
export interface Finding {
  readonly at: Path
  readonly text: string
}

let validators: Record<'registry' | 'fragment', ValidateFunction> | undefined

/** What of a value is not as the JSON Schema has it. */
export function findingsOfShape (value: unknown, kind: 'registry' | 'fragment'): Finding[] {
  validators ??= { registry: compileShape(registrySchema), fragment: compileShape(fragmentSchema) }
  return findingsBy(validators[kind], value, { mayHavePassword, atTop: kind === 'fragment' ? '; what else there is belongs into the registry itself' : '' })
}

/** For `findingsBy`. What a part lets through may stand beside it in words: `allowed`. */
export function compileShape (schema: object): ValidateFunction {
  return new Ajv({ allErrors: true, verbose: true, allowUnionTypes: true }).addVocabulary(['allowed']).compile(schema)
}

interface Telling {
  /** Places whose value is not shown. */
  readonly mayHavePassword: RegExp
  /** Is said of a name at the top that there is not. */
  readonly atTop?: string
}

/** The same of any file that an operator writes. */
export function findingsBy (validate: ValidateFunction, value: unknown, telling: Telling): Finding[] {
  if (validate(value)) return []
  // what these two say is said by those below them
  const errors = (validate.errors ?? []).filter(({ keyword }) => keyword !== 'propertyNames' && keyword !== 'if')
  return errors.map(error => findingOf(error, telling))
}

/** What is looked at of a part of the JSON Schema. */
export interface Definition {
  readonly description?: string
  readonly then?: Definition
  readonly else?: Definition
  readonly type?: string | readonly string[]
  readonly properties?: object
  readonly required?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly maxItems?: number
  readonly allowed?: string
}

function findingOf ({ instancePath, keyword, params, data, parentSchema, propertyName }: ErrorObject, { mayHavePassword, atTop = '' }: Telling): Finding {
  const path = instancePath.split('/').slice(1).map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  const place = placeOf(path)
  const definition = (parentSchema ?? {}) as Definition
  const names = Object.keys(definition.properties ?? {}).join(', ')
  if (keyword === 'additionalProperties') {
    const name = String(params['additionalProperty'])
    return { at: [...path, name], text: `${place}: there is no ${shown(name)}; allowed ${names.includes(',') ? 'are' : 'is'} ${names}${path.length === 0 ? atTop : ''}` }
  }
  const value = mayHavePassword.test(place) ? 'what is given' : shown(propertyName ?? data)
  const at = propertyName === undefined ? path : [...path, propertyName]
  switch (keyword) {
    case 'required': return { at, text: `${place}: ${value} has no "${String(params['missingProperty'])}"; give ${(definition.required ?? []).join(' and ')}` }
    case 'minProperties': case 'maxProperties': return { at, text: `${place}: ${value} is wrong; give one of ${names}` }
    case 'uniqueItems': return { at, text: `${place}: items ${[Number(params['i']) + 1, Number(params['j']) + 1].sort((one, other) => one - other).join(' and ')} are the same; give each once` }
    case 'maxItems': return { at, text: `${place}: there are too many items; give at most ${definition.maxItems}` }
    default: return { at, text: `${place}: ${value} is wrong; give ${allowedBy(definition)}` }
  }
}

/** What a part of the JSON Schema lets through, in words. */
export function allowedBy ({ allowed, type, minimum, maximum, exclusiveMinimum, properties }: Definition): string {
  if (allowed !== undefined) return allowed
  const [first = ''] = [type].flat()
  const what = { integer: 'a whole number', number: 'a number', array: 'a list', object: 'names with something below them' }[first] ?? 'something else'
  if (properties !== undefined) return `${what}: ${Object.keys(properties).join(', ')}`
  if (exclusiveMinimum !== undefined) return `${what} above ${exclusiveMinimum}`
  if (minimum === undefined) return what
  return maximum === undefined ? `${what}, at least ${minimum}` : `${what} from ${minimum} to ${maximum}`
}

const mayHavePassword = /^(at the top|mail|mail\/via|graphite|graphite-link|documentation)$/
