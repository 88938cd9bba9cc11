/** Longest sample, in bytes. */
const mostSampleBytes = 2048
/** What of an event a sample shows at most. */
const most = { depth: 5, fields: 40, items: 5, text: 40 } as const

export const removed = '(removed)'

/** Fields of a capsule that are about a person, whatever is in them. */
const personalOfCapsule = ['clientIp', 'ip', 'userAgent']

/** Words that make a field personal, as one of the words of its name. */
const personalWords = new Set([
  'addr', 'age', 'city', 'email', 'fax', 'gps', 'id', 'ids', 'ip', 'ipv4', 'ipv6', 'key', 'lat', 'lng', 'lon', 'mail', 'name', 'names', 'nick', 'page', 'path', 'phone', 'pin', 'pwd', 'q',
  'ref', 'sid', 'ssn', 'tel', 'term', 'terms', 'ua', 'uid', 'uri', 'url', 'urls', 'uuid', 'who', 'zip'
])
/** The same, anywhere in a name, which may be all in lower case. */
const personalParts = /account|address|agent|author|birth|comment|content|cookie|credential|device|email|finger|gender|geo|hash|href|ipaddr|latitude|link|location|longitude|message|passw|person|phone|quer|referer|referrer|search|secret|session|summary|text|title|token|user|visitor/i

/** Whether what is in a field of this name may tell who somebody is, or what they read or wrote. Rather too often than too rarely. */
function isPersonal (name: string): boolean {
  if (personalParts.test(name)) return true
  return name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').split(/[^A-Za-z0-9]+/).some(word => personalWords.has(word.toLowerCase()))
}

/** A short word, a number or the like: not what people write, an address, or a token. */
function isHarmless (text: string): boolean {
  if (text.length > most.text || !/^[A-Za-z0-9_.:+-]*$/.test(text)) return false
  // an address, in its old form or its new one
  if (/\d{1,3}(?:[.-]\d{1,3}){3}|:.*:/.test(text)) return false
  // a telephone number, an id
  if (/\d{7}/.test(text.replaceAll(/[-.:+_]/g, ''))) return false
  // letters and digits in turn, or hexadecimal: a token
  return text.length < 16 || (!/^[0-9a-fA-F-]+$/.test(text) && !/\d\D+\d\D+\d/.test(text))
}

function isHarmlessName (name: string): boolean {
  return name !== '' && isHarmless(name)
}

/** A pointer in which only names are left that look like names of fields; numbers of items, and others, are `*`. */
export function harmlessPointer (pointer: string): string {
  return pointer.split('/').map((part, at) => at === 0 || (isHarmlessName(part) && !/^\d+$/.test(part)) ? part : '*').join('/')
}

/** What came at a pointer, which is JSON, possibly cut off; or words for nothing. */
export function harmlessSeen (pointer: string, seen: string): string {
  if (seen === 'nothing' || /^(?:true|false|null|\{\}|\[\])$/.test(seen)) return seen
  const isAbout = pointer.split('/').some(isPersonal)
  if (seen.startsWith('"')) {
    const [, text] = /^"([^"\\]*)"$/.exec(seen) ?? []
    return text !== undefined && !isAbout && isHarmless(text) ? seen : 'a string'
  }
  if (seen.startsWith('{')) return 'an object'
  if (seen.startsWith('[')) return 'an array'
  if (!/^-?\d[\d.eE+-]*$/.test(seen)) return 'a value'
  return isAbout || !isHarmless(seen) ? 'a number' : seen
}

/** An event as JSON, of which what may be personal is removed; at most 2 KB. Empty if nothing can be shown. */
export function sampleOf (capsule: Readonly<Record<string, unknown>>, pointer: string): string {
  const whole = JSON.stringify(shown(withoutPersonal(capsule), 0))
  if (Buffer.byteLength(whole) <= mostSampleBytes) return whole
  const { schema, revision, event } = capsule
  const [, , field = ''] = pointer.split('/')
  const part = typeof event === 'object' && event !== null && Object.hasOwn(event, field) ? { [field]: (event as Record<string, unknown>)[field] } : {}
  const short = JSON.stringify(shown({ schema, revision, event: part }, 0))
  return Buffer.byteLength(short) <= mostSampleBytes ? short : ''
}

function withoutPersonal (capsule: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(capsule).filter(([name]) => !personalOfCapsule.includes(name)))
}

function shown (value: unknown, depth: number): unknown {
  if (typeof value === 'string') return isHarmless(value) ? value : `(a string of ${value.length} characters)`
  if (typeof value === 'number') return isHarmless(String(value)) ? value : '(a number)'
  if (typeof value !== 'object' || value === null) return value
  if (depth === most.depth) return Array.isArray(value) ? '(an array)' : '(an object)'
  if (Array.isArray(value)) return value.slice(0, most.items).map(item => shown(item, depth + 1))
  const fields = Object.entries(value).filter(([name]) => isHarmlessName(name)).slice(0, most.fields)
  return Object.fromEntries(fields.map(([name, inner]) => [name, isPersonal(name) ? removed : shown(inner, depth + 1)]))
}
