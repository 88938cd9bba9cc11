import type { Schema } from '../../../lib/event/schemas.js'
import type { SchemaEntry } from '../../../lib/registry/entry.js'
import type { TablePlan } from '../../../lib/sql/columns.js'
import { declaredFields, type DeclaredField } from '../fields.js'

/** `error`: it cannot be used. `warning`: it will hurt. `hint`: it could be better. */
export const levels = ['error', 'warning', 'hint'] as const
export type Level = typeof levels[number]

/** Something to change in a schema. */
export interface Hint {
  readonly level: Level
  readonly rule: string
  /** JSON pointer into the document. */
  readonly pointer: string
  readonly why: string
  readonly change: string
}

/** A schema that is looked at. */
export interface Subject {
  readonly schema: Schema
  readonly fields: readonly DeclaredField[]
  /** What the registry says of it. */
  readonly entry: SchemaEntry
  readonly table: TablePlan
}

export function subjectOf (schema: Schema, entry: SchemaEntry, table: TablePlan): Subject {
  return { schema, fields: declaredFields(schema.modern), entry, table }
}

/** As the registry and tables have it: with the `event` that the capsule puts around. */
export function pathOf ({ path }: DeclaredField, { style }: Pick<Schema, 'style'>): string {
  return [...style === 'meta' ? [] : ['event'], ...path].join('.')
}

/** The words of a name, in lower case, joined by `_`: `userId` and `user_ID` are `user_id`. */
export function wordsOf (name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').replace(/([A-Z])([A-Z][a-z])/g, '$1_$2').replace(/[^A-Za-z0-9]+/g, '_').toLowerCase()
}

export function typesOf ({ schema: { type } }: DeclaredField): readonly unknown[] {
  return type === undefined ? [] : [type].flat().filter(name => name !== 'null')
}

/** Its values are written down in the schema: nothing of what a sender likes. */
export function isListed ({ schema }: DeclaredField): boolean {
  return Array.isArray(schema['enum']) || Object.hasOwn(schema, 'const')
}
