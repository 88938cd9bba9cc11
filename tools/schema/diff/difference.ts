import { isDeepStrictEqual } from 'node:util'
import { ConfigError } from '../../../lib/errors.js'
import { narrowings, type Narrowing } from '../../../lib/event/narrowing.js'
import type { Schema } from '../../../lib/event/schemas.js'
import type { TablePlan } from '../../../lib/sql/columns.js'
import { declaredFields, type DeclaredField } from '../fields.js'
import { tableOf, viewChange } from '../tables.js'

/** What has become of a field. */
export interface FieldChange {
  /** Names joined by dots; `*` for the items of an array. */
  readonly field: string
  readonly change: 'added' | 'removed' | 'changed'
  /** What it is, or how it has changed, in words. */
  readonly what: readonly string[]
}

/** Two revisions, the old one and the new. */
export interface Difference {
  readonly old: Schema
  readonly next: Schema
  readonly fields: readonly FieldChange[]
  /** Valid events of the old that are not, or may not be, valid ones of the new. */
  readonly forward: readonly Narrowing[]
  /** The other way round: what who has only the old one refuses of the new. */
  readonly backward: readonly Narrowing[]
  /** Null if one of them can have no table. */
  readonly tables: readonly [TablePlan, TablePlan] | null
}

export function differenceOf (old: Schema, next: Schema): Difference {
  const [before, after] = [tableOf(old), tableOf(next)]
  const isSameStyle = old.style === next.style
  const otherStyle = { pointer: '', what: `is an event of style "${next.style}" now, not "${old.style}"`, isCertain: true }
  return {
    old,
    next,
    fields: fieldChanges(old, next),
    forward: isSameStyle ? inEvent(narrowings(old.modern, next.modern), next) : [otherStyle],
    backward: isSameStyle ? inEvent(narrowings(next.modern, old.modern), old) : [otherStyle],
    tables: before instanceof ConfigError || after instanceof ConfigError ? null : [before, after]
  }
}

/** Of events as they travel. */
function inEvent (found: readonly Narrowing[], { style }: Schema): Narrowing[] {
  return found.map(one => ({ ...one, pointer: style === 'meta' ? one.pointer : `/event${one.pointer}` }))
}

/** Whether nobody notices: neither clients that go on as before, nor who queries. */
export function isCompatible ({ forward, tables }: Difference): boolean {
  return forward.length === 0 && tables !== null && viewChange(...tables).loosened.length === 0
}

function fieldChanges (old: Schema, next: Schema): FieldChange[] {
  const [before, after] = [old, next].map(({ modern }) => new Map(declaredFields(modern).map(field => [field.path.join('.'), field]))) as [Map<string, DeclaredField>, Map<string, DeclaredField>]
  const names = [...new Set([...after.keys(), ...before.keys()])]
  return names.flatMap((field): FieldChange[] => {
    const [was, is] = [before.get(field), after.get(field)]
    if (was === undefined) return is === undefined ? [] : [{ field, change: 'added', what: describe(is) }]
    if (is === undefined) return [{ field, change: 'removed', what: describe(was) }]
    const what = changesOf(was, is)
    return what.length === 0 ? [] : [{ field, change: 'changed', what }]
  })
}

function describe ({ schema, isRequired }: DeclaredField): string[] {
  const limits = Object.entries(schema).filter(([keyword]) => limiting.has(keyword)).map(([keyword, operand]) => `${keyword} ${shown(operand)}`)
  return [typeText(schema['type']), isRequired ? 'required' : 'optional', ...limits]
}

/** Keywords that are shown with their operands. */
const limiting: ReadonlySet<string> = new Set(['enum', 'const', 'format', 'pattern', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf', 'minLength', 'maxLength', 'minItems', 'maxItems', 'uniqueItems', 'additionalProperties'])
/** Looked at elsewhere: field by field. */
const structural: ReadonlySet<string> = new Set(['properties', 'required', '$ref', 'allOf', 'definitions', '$defs'])

function changesOf (was: DeclaredField, is: DeclaredField): string[] {
  const keywords = [...new Set([...Object.keys(was.schema), ...Object.keys(is.schema)])].filter(keyword => !structural.has(keyword) && !isDeepStrictEqual(was.schema[keyword], is.schema[keyword]))
  const required = was.isRequired === is.isRequired ? [] : [is.isRequired ? 'required now' : 'optional now']
  return [...required, ...keywords.flatMap(keyword => changeOf(keyword, was.schema[keyword], is.schema[keyword]))]
}

function changeOf (keyword: string, was: unknown, is: unknown): string[] {
  if (keyword === 'type') return [`${typeText(was)} → ${typeText(is)}`]
  if (keyword === 'description' || keyword === 'title') return [`another ${keyword}`]
  if (keyword === 'enum' && Array.isArray(was) && Array.isArray(is)) {
    const [lost, gained] = [was.filter(value => !is.includes(value)), is.filter(value => !was.includes(value))]
    return [...lost.length === 0 ? [] : [`enum without ${shown(lost)}`], ...gained.length === 0 ? [] : [`enum with ${shown(gained)}`]]
  }
  if (limiting.has(keyword)) return [`${keyword} ${was === undefined ? 'none' : shown(was)} → ${is === undefined ? 'none' : shown(is)}`]
  return [`another ${keyword}`]
}

function typeText (type: unknown): string {
  return type === undefined ? 'any type' : [type].flat().join(' or ')
}

const mostShown = 100

function shown (value: unknown): string {
  const text = Array.isArray(value) ? value.map(one => JSON.stringify(one)).join(', ') : JSON.stringify(value)
  return text.length > mostShown ? `${text.slice(0, mostShown)}…` : text
}
