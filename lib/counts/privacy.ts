import { noShape, type Shape } from './shape.js'

/** Longest sample, in bytes. */
const mostSampleBytes = 2048
/** What of an event a sample shows at most. */
const most = { depth: 5, fields: 40, items: 5, text: 40 } as const

export const removed = '(removed)'

/** Words that make a field personal, as one of the words of its name. Of numbers, true and false only names tell; strings have a rule of their own. */
const personalWords = new Set([
  'addr', 'age', 'card', 'city', 'coord', 'coords', 'dob', 'fax', 'gps', 'height', 'iban', 'id', 'ids', 'income', 'ip', 'ipv4', 'ipv6', 'lat', 'lng', 'lon', 'nick', 'otp', 'path', 'pin', 'pwd', 'q',
  'ref', 'salary', 'sex', 'sid', 'sig', 'ssn', 'tel', 'term', 'terms', 'ua', 'uid', 'uri', 'usr', 'weight', 'who', 'zip'
])
/** The same, anywhere in a name, which may be all in lower case. */
const personalParts = /account|address|agent|article|auth|author|birth|comment|content|cookie|coordinate|creator|credential|csrf|device|email|finger|gender|geo|handle|hash|href|input|ipaddr|jwt|key|latitude|link|location|login|longitude|mail|message|name(?!space)|nonce|page|passw|performer|person|phone|quer|referer|referrer|search|secret|sender|session|summary|text|title|token|topic|url|user|uuid|visitor/i

/** Whether what is in a field of this name may tell who somebody is, or what they read or wrote. Rather too often than too rarely. */
function isPersonal (name: string): boolean {
  if (personalParts.test(name)) return true
  return name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').split(/[^A-Za-z0-9]+/).some(word => personalWords.has(word.toLowerCase()))
}

/** Digits of a number that may be one of somebody's: a telephone, an id. */
const mostDigits = 6

/** Numbers, true and false say little of themselves; strings say what the sender likes, and are shown where the schema has them. */
function plainValue (value: unknown, isAbout: boolean, shape: Shape): { readonly shown: unknown } | { readonly hidden: string } {
  if (typeof value === 'string') return !isAbout && shape.names(value) && value.length <= most.text ? { shown: value } : { hidden: `a string of ${value.length} character${value.length === 1 ? '' : 's'}` }
  if (typeof value === 'number') return !isAbout && (String(value).match(/\d/g) ?? []).length <= mostDigits ? { shown: value } : { hidden: 'a number' }
  if (typeof value === 'boolean') return isAbout ? { hidden: 'true or false' } : { shown: value }
  if (Array.isArray(value)) return { hidden: 'an array' }
  return value === null ? { shown: value } : { hidden: 'an object' }
}

/** What a JSON pointer leads through: the names, and what the schema says of them. */
interface Step {
  readonly name: string
  readonly shape: Shape | null
  readonly isItem: boolean
}

function stepsOf (pointer: string, whole: Shape): Step[] {
  let at: Shape | null = whole
  return pointer.split('/').slice(1).map(part => {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~')
    const own: Shape | null = at?.field(name) ?? null
    const isItem = own === null && /^\d+$/.test(name)
    at = own ?? (isItem ? at?.items() ?? null : null)
    return { name, shape: own, isItem }
  })
}

/** A pointer in which only names are left that the schema has; numbers of items, and others, are `*`. */
export function harmlessPointer (pointer: string, whole: Shape): string {
  const parts = pointer.split('/')
  return stepsOf(pointer, whole).reduce((text, { shape }, at) => `${text}/${shape === null ? '*' : parts[at + 1] ?? ''}`, '')
}

/** What came at a pointer into a whole event, as JSON, or in words where it may be personal. */
export function harmlessSeen (event: unknown, pointer: string, whole: Shape): string {
  let value = event
  let shape: Shape | null = whole
  const steps = stepsOf(pointer, whole)
  for (const { name } of steps) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return pointer.endsWith('…') ? 'a value' : 'nothing'
    shape = shape?.field(name) ?? (Array.isArray(value) ? shape?.items() ?? null : null)
    value = (value as Record<string, unknown>)[name]
  }
  const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0
  if (isEmpty) return JSON.stringify(value)
  const found = plainValue(value, shape === null || steps.some(({ name }) => isPersonal(name)), shape ?? noShape)
  return 'hidden' in found ? found.hidden : JSON.stringify(found.shown)
}

/** An event as JSON, of which what may be personal is removed; at most 2 KB. Empty if nothing can be shown. */
export function sampleOf (capsule: Readonly<Record<string, unknown>>, pointer: string, whole: Shape): string {
  const text = JSON.stringify(shown(capsule, whole, 0))
  if (Buffer.byteLength(text) <= mostSampleBytes) return text
  const { schema, revision, event } = capsule
  const field = stepsOf(pointer, whole)[1]?.name ?? ''
  const part = typeof event === 'object' && event !== null && Object.hasOwn(event, field) ? { [field]: (event as Record<string, unknown>)[field] } : {}
  const short = JSON.stringify(shown({ schema, revision, event: part }, whole, 0))
  return Buffer.byteLength(short) <= mostSampleBytes ? short : ''
}

function shown (value: unknown, shape: Shape, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth === most.depth) {
    const found = plainValue(value, false, shape)
    return 'hidden' in found ? `(${found.hidden})` : found.shown
  }
  if (Array.isArray(value)) return value.slice(0, most.items).map(item => shown(item, shape.items(), depth + 1))
  const fields: Array<[string, unknown]> = []
  let others = 0
  for (const [name, inner] of Object.entries(value)) {
    const own = shape.field(name)
    if (own === null) others++
    else if (fields.length < most.fields) fields.push([name, isPersonal(name) ? removed : shown(inner, own, depth + 1)])
  }
  if (others > 0) fields.push(['*', `(${others === 1 ? 'a field' : `${others} fields`} that the schema does not name)`])
  return Object.fromEntries(fields)
}
