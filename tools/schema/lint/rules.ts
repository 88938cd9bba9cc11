import type { Schema } from '../../../lib/event/schemas.js'
import type { Column, TablePlan } from '../../../lib/sql/columns.js'
import { tableName } from '../../../lib/sql/names.js'
import type { DeclaredField } from '../fields.js'
import { isListed, pathOf, typesOf, wordsOf, type Hint, type Subject } from './subject.js'

/** Characters of an identifier in MySQL. */
const longestName = 64
/** How descriptions begin that nobody has written yet. */
export const toBeWritten = 'To be written'
/** Names that are listed in one hint. */
const mostNames = 5

/** What could be better of each rule's own. */
const rules: ReadonlyArray<(subject: Subject) => Hint[]> = [names, columns, descriptions, types, strings, numbers, groups, requirements]

export function styleHints (subject: Subject): Hint[] {
  return rules.flatMap(rule => rule(subject))
}

function names ({ schema, fields }: Subject): Hint[] {
  const hints: Hint[] = []
  if (schema.style === 'capsule' && !/^[A-Z][A-Za-z0-9]*$/.test(schema.name)) {
    hints.push({ level: 'hint', rule: 'schema-name', pointer: '', why: `${schema.name} is not written as the others are`, change: 'call it with capitals and without separators, as NavigationTiming' })
  }
  if (`${schema.name}_${schema.revision}` !== tableName(schema.name, schema.revision)) {
    hints.push({ level: 'hint', rule: 'table-name', pointer: '', why: `its table is called ${tableName(schema.name, schema.revision)}`, change: 'use letters and digits only, and fewer of them' })
  }
  const odd = fields.filter(({ path }) => !/^([a-z][A-Za-z0-9]*|\*)$/.test(path.at(-1) ?? ''))
  const shown = odd.slice(0, mostNames).map(({ path }) => path.join('.')).join(', ')
  if (odd[0] !== undefined) {
    hints.push({ level: 'hint', rule: 'field-name', pointer: odd[0].pointer, why: `${shown}${odd.length > mostNames ? ` and ${odd.length - mostNames} more` : ''} ${odd.length === 1 ? 'is' : 'are'} not in camel case`, change: 'write pageId, not page_id or PageID: who queries guesses names' })
  }
  const ofCapsule = schema.style === 'meta' ? [] : fields.filter(({ path }) => path.length === 1 && capsuleFields.has(path[0] ?? ''))
  for (const { path: [name = ''], pointer } of ofCapsule) {
    hints.push({ level: 'hint', rule: 'capsule-name', pointer, why: `the capsule has a field ${name}, too`, change: `leave it out if it says the same; or call it otherwise, so that nobody takes event_${name} for ${name}` })
  }
  return hints
}

const capsuleFields: ReadonlySet<string> = new Set(['uuid', 'timestamp', 'dt', 'wiki', 'webHost', 'userAgent', 'clientIp', 'ip', 'schema', 'revision', 'recvFrom', 'seqId', 'topic', 'samplingRate', 'event'])

/** Names of columns that are other than the path says. */
function columns ({ table, fields }: Subject): Hint[] {
  return table.columns.flatMap((column): Hint[] => {
    const plain = column.path.join('_').replace(/[^A-Za-z0-9_]/g, '_')
    const field = fields.find(({ path }) => path.join('\0') === column.path.slice(column.path[0] === 'event' ? 1 : 0).join('\0'))
    if (field === undefined || column.name === plain) return []
    if (plain.length > longestName) return [{ level: 'warning', rule: 'long-name', pointer: field.pointer, why: `its column is called ${column.name}: the whole path has ${plain.length} characters, MySQL takes ${longestName}`, change: 'give it, or what it is in, a shorter name' }]
    return [{ level: 'warning', rule: 'one-column', pointer: field.pointer, why: `another field would have the column ${plain}, too, so that this one is called ${column.name}`, change: 'give one of them another name' }]
  })
}

function descriptions ({ schema, fields }: Subject): Hint[] {
  const lacks = (description: unknown): boolean => typeof description !== 'string' || description.trim() === '' || description.startsWith(toBeWritten)
  const change = 'write what is counted or measured, when it is sent, and in which unit: it becomes the comment of the column'
  return [
    ...lacks(schema.definition['description']) && lacks(schema.definition['title'])
      ? [{ level: 'warning', rule: 'description', pointer: '', why: 'the schema does not say what it is about', change: 'write when an event is sent, by whom, and whether it is sampled: vanadium_schemas shows it' } as const]
      : [],
    ...fields.filter(({ schema, path }) => lacks(schema['description']) && path.at(-1) !== '*')
      .map(({ pointer }): Hint => ({ level: 'warning', rule: 'description', pointer, why: 'it has no description', change }))
  ]
}

function types ({ fields }: Subject): Hint[] {
  return fields.flatMap((field): Hint[] => {
    const { schema, pointer, isGroup } = field
    const own = typesOf(field)
    const saysOtherwise = isListed(field) || isGroup || ['anyOf', 'oneOf', 'items'].some(keyword => keyword in schema)
    if (own.length === 0 && !saysOtherwise) return [{ level: 'warning', rule: 'type', pointer, why: 'it takes anything: its column is text that holds JSON', change: 'give its type: string, integer, number, boolean, array or object' }]
    if (own.length > 1 && !(own.length === 2 && own.includes('integer') && own.includes('number'))) return [{ level: 'hint', rule: 'type', pointer, why: `it is a ${own.join(' or a ')}: its column is text that holds JSON`, change: 'make it one type, or two fields' }]
    return []
  })
}

/** Of names of which the values are few. */
const ofFew = /(^|_)(action|type|status|state|mode|kind|method|variant|bucket|result|outcome|platform|skin)$/

function strings ({ schema: { style }, table, fields }: Subject): Hint[] {
  return fields.flatMap((field): Hint[] => {
    const { schema, pointer, path } = field
    if (!typesOf(field).includes('string') || isListed(field) || typeof schema['format'] === 'string') return []
    if (ofFew.test(wordsOf(path.at(-1) ?? '')) && schema['pattern'] === undefined) return [{ level: 'hint', rule: 'enum', pointer, why: 'by its name it has few values, and takes any', change: 'list them (enum): what is misspelt is refused then, and mails can show what came' }]
    if (schema['maxLength'] === undefined && schema['pattern'] === undefined) return [{ level: 'hint', rule: 'max-length', pointer, why: `it may be of any length${lengthText(columnOf(field, style, table))}`, change: 'give maxLength' }]
    return []
  })
}

/** In an array it has none. */
function columnOf (field: DeclaredField, style: Schema['style'], { columns }: TablePlan): Column | undefined {
  const path = pathOf(field, { style })
  return columns.find(column => column.path.join('.') === path)
}

function lengthText (column: Column | undefined): string {
  if (column?.kind === 'string') return `: its column takes ${column.length} characters, and what is longer is cut`
  return column?.kind === 'text' ? ': its column is a TEXT, because those before it have taken the room of a row' : ''
}

const ofTime = /(^|_)(time|duration|latency|delay|elapsed|timeout|wait|age|ttl|interval|offset)$/
const withUnit = /(^|_)(ms|millis|milliseconds?|us|micros|ns|s|sec|secs|seconds?|min|mins|minutes?|hours?|days?|weeks?|months?|years?)($|_)/
const unitInWords = /\b(ms|millisec\w*|milli-sec\w*|microsec\w*|seconds?|secs?|minutes?|hours?|days?|weeks?|months?|years?|timestamp|epoch)\b/i
const ofCount = /(^|_)(count|counts|number|num|index|position|rank|size|total|clicks|edits|id|bytes)$/

function numbers ({ fields }: Subject): Hint[] {
  return fields.flatMap((field): Hint[] => {
    const { schema, pointer, path } = field
    const words = wordsOf(path.at(-1) ?? '')
    const own = typesOf(field)
    if (!own.includes('integer') && !own.includes('number')) return []
    if (ofTime.test(words) && !withUnit.test(words) && !unitInWords.test(String(schema['description'] ?? ''))) return [{ level: 'hint', rule: 'unit', pointer, why: 'it is a time, and nothing tells its unit', change: `put the unit into the name (${path.at(-1) ?? ''}Ms) or into the description` }]
    if (own.includes('number') && ofCount.test(words)) return [{ level: 'hint', rule: 'integer', pointer, why: 'it counts or numbers something, and takes fractions: its column is a DOUBLE', change: 'make its type integer' }]
    return []
  })
}

function groups ({ schema, fields }: Subject): Hint[] {
  const isOpen = ({ additionalProperties }: DeclaredField['schema']): boolean => additionalProperties !== false
  const top: Hint[] = isOpen(schema.modern) ? [{ level: 'warning', rule: 'open', pointer: '/additionalProperties', why: 'fields that it does not name are valid, and have no column: misspelt ones vanish', change: 'leave additionalProperties out: unknown fields are refused then' }] : []
  return [...schema.style === 'meta' ? [] : top, ...fields.flatMap((field): Hint[] => {
    const { pointer, isGroup } = field
    if (isGroup && isOpen(field.schema)) return [{ level: 'hint', rule: 'open', pointer, why: 'fields in it that it does not name are valid, and have no column', change: 'write additionalProperties: false in it' }]
    if (!isGroup && typesOf(field).includes('object')) return [{ level: 'hint', rule: 'free-object', pointer, why: 'nothing says which fields it has: it is one column, text that holds JSON', change: 'name its fields (properties)' }]
    return []
  })]
}

function requirements ({ fields }: Subject): Hint[] {
  if (fields.length === 0 || fields.some(({ isRequired, path }) => isRequired && path.length === 1)) return []
  return [{ level: 'hint', rule: 'required', pointer: '', why: 'no field is required: an event that says nothing is valid', change: 'require what every event has' }]
}
