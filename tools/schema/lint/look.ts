import { ConfigError } from '../../../lib/errors.js'
import { eventErrorSchema } from '../../../lib/event/event-error.js'
import { capsuleName } from '../../../lib/event/schema-repository.js'
import { isRefused } from '../../../lib/event/schemas.js'
import type { SchemaEntry } from '../../../lib/registry/entry.js'
import type { Document } from '../document.js'
import { tableOf } from '../tables.js'
import { positionsIn, type Place } from './positions.js'
import { privacyHints } from './privacy.js'
import { styleHints } from './rules.js'
import { levels, subjectOf, type Hint } from './subject.js'

/** A hint where it is; null where the source does not tell. */
export interface PlacedHint extends Hint {
  readonly source: string
  readonly place: Place | null
}

/** All that is to be said of a schema, by place. */
export function lint (document: Document, entry: SchemaEntry): PlacedHint[] {
  const { schema: { source }, text } = document
  const at = text === null ? null : positionsIn(text)
  return hintsOf(document, entry)
    .map(hint => ({ ...hint, source, place: placeInReason(hint) ?? at?.(hint.pointer) ?? null }))
    .sort((a, b) => (a.place?.line ?? 0) - (b.place?.line ?? 0) || levels.indexOf(a.level) - levels.indexOf(b.level))
}

function hintsOf ({ schema, isNamed }: Document, entry: SchemaEntry): Hint[] {
  const named: Hint[] = isNamed ? [] : [{ level: 'warning', rule: 'file-name', pointer: '', why: 'no daemon finds a file of this name', change: 'call it <Name>/<revision>.yaml, as DemoButtonClick/1.yaml' }]
  if (isRefused(schema)) return [...named, unusable(schema.reason)]
  const table = tableOf(schema)
  if (table instanceof ConfigError) return [...named, { level: 'error', rule: 'table', pointer: '', why: table.message, change: 'split the schema' }]
  // what surrounds events, or stands for them, has names and texts of its own
  if (schema.name === capsuleName || schema.name === eventErrorSchema.name) return named
  const subject = subjectOf(schema, entry, table)
  return [...named, ...styleHints(subject), ...privacyHints(subject)]
}

/** What it is refused for says where, and what to write. */
function unusable (reason: string): Hint {
  const [, pointer = ''] = /^(\/[^:\s]*): /.exec(reason) ?? []
  return { level: 'error', rule: 'usable', pointer, why: `it cannot be used, and all its events are invalid: ${reason}`, change: '' }
}

/** Of a text that cannot be parsed. */
function placeInReason ({ rule, why }: Hint): Place | null {
  const [, line, column] = rule === 'usable' ? /: line (\d+), column (\d+): /.exec(why) ?? [] : []
  return line === undefined ? null : { line: Number(line), column: Number(column) }
}
