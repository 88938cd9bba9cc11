import type { Narrowing } from '../../../lib/event/narrowing.js'
import type { Schema } from '../../../lib/event/schemas.js'
import { harmless } from '../../terminal/text.js'
import { tableText } from '../../text.js'
import { viewChange, viewLines } from '../tables.js'
import { isCompatible, type Difference } from './difference.js'

const signs = { added: '+', removed: '-', changed: '~' } as const

export function textOf (difference: Difference): string {
  const { old, next, fields, forward, backward, tables } = difference
  const [from, to] = [labelOf(old), labelOf(next)]
  const rows = fields.map(({ field, change, what }) => [signs[change], field, what.join(', ')].map(harmless))
  return [
    `${from} (${old.source}) → ${to} (${next.source})`,
    ...old.name === next.name && old.revision === next.revision && fields.length > 0 ? [`  both are called ${to}: what is published under a number never changes; give the new one the next`] : [],
    '', 'Fields',
    ...rows.length === 0 ? ['  the same'] : tableText(['', 'field', 'what'], rows, []).trimEnd().split('\n').slice(1).map(line => `  ${line}`),
    '', 'Events',
    ...sentences(forward, `what is a valid event of ${from} is one of ${to}, too`, `what is a valid event of ${from} is not always one of ${to}:`),
    ...sentences(backward, `who has only ${from} takes all events of ${to}`, `who has only ${from} does not take all events of ${to}; so ${to} needs its own number, and clients come after it:`),
    '', 'Tables',
    ...tables === null ? ['  one of them can have no table'] : viewLines(next.name, ...tables),
    '', isCompatible(difference) ? 'compatible' : 'not compatible', ''
  ].join('\n')
}

function sentences (found: readonly Narrowing[], good: string, bad: string): string[] {
  if (found.length === 0) return [`  ${good}`]
  return [`  ${bad}`, ...found.map(({ pointer, what, isCertain }) => harmless(`    ${pointer === '' ? 'the event' : pointer} ${what}${isCertain ? '' : ' (or it cannot be told)'}`))]
}

function labelOf ({ name, revision }: Schema): string {
  return `${name}/${revision}`
}

export function jsonOf (difference: Difference): string {
  const { old, next, fields, forward, backward, tables } = difference
  const said = {
    compatible: isCompatible(difference),
    old: { schema: labelOf(old), source: old.source },
    new: { schema: labelOf(next), source: next.source },
    fields,
    events: { old_under_new: forward, new_under_old: backward },
    view: tables === null ? null : viewChange(...tables)
  }
  return `${JSON.stringify(said, null, 2)}\n`
}
