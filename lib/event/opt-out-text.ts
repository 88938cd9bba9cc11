/** How often a text is decoded: JSON in JSON in a query takes three. */
const mostLevels = 4

/** Longest identifier of a user, in characters. */
export const longestUser = 1000

/** Of an identifier that was cut off, or whose end cannot be told: so many words are tried. */
const mostWords = 8

/** Characters that are looked at behind keys, all together: 2000 values. A line can be made in which each key is followed by all others. */
const mostLookedAt = 2000 * longestUser

/**
 * What a text has as the value of one of the keys, wherever and however it stands there: percent-encoded, JSON, JSON in a string, or the
 * beginning of any of these. The same may come several times; what is no user's identifier may come too. Ends with null when there is
 * more than can be looked at.
 */
export function * usersIn (text: string, keys: readonly string[]): Generator<string | null> {
  const syntax = new RegExp(`(?<![\\w$])(?:${keys.map(key => key.replace(/[^\w]/g, '\\$&')).join('|')})\\\\*["']?\\s*[:=]\\s*\\\\*(["']?)`, 'g')
  let left = mostLookedAt
  for (const level of levelsOf(text)) {
    const value = objectIn(level)
    if (value !== undefined) yield * leavesOf(value, keys)
    for (const match of level.matchAll(syntax)) {
      for (const { start, end, quote } of valuesFrom(level, match.index + match[0].length, match[1] ?? '')) {
        left -= end - start
        if (left < 0) {
          yield null
          return
        }
        yield * candidates(level.slice(start, Math.min(end, start + longestUser)), quote)
      }
    }
  }
}

/** Strings and integers in a value, at any depth; given `keys`, those that stand below one of them. */
export function * leavesOf (root: unknown, keys?: readonly string[]): Generator<string> {
  // without recursion: what JSON.parse takes may be nested deeper than the stack is
  const open = [{ value: root, isBelow: keys === undefined }]
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    const { value, isBelow } = part
    if (typeof value === 'object' && value !== null) {
      for (const [key, inner] of Object.entries(value)) open.push({ value: inner, isBelow: isBelow || keys?.includes(key) === true })
    } else if (isBelow && typeof value === 'string') {
      yield value
    } else if (isBelow && Number.isSafeInteger(value)) {
      yield String(value)
    }
  }
}

/** The text, and what it is decoded once, twice and so on. */
function * levelsOf (text: string): Generator<string> {
  let level = text
  for (let i = 0; i <= mostLevels; i++) {
    yield level
    const next = decoded(level)
    if (next === level) return
    level = next
  }
}

/** What can be decoded is; the rest stays. */
function decoded (text: string): string {
  return text
    .replace(/(?:%[0-9A-Fa-f]{2})+/g, escapes => Buffer.from(escapes.replaceAll('%', ''), 'hex').toString('utf8'))
    .replace(/\\u([0-9A-Fa-f]{4})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 16)))
    .replace(/\\+["']?/g, escaped => /["']$/.test(escaped) ? escaped.slice(-1) : escaped)
}

function objectIn (text: string): unknown {
  const [start, end] = [text.indexOf('{'), text.lastIndexOf('}')]
  if (start === -1 || end < start) return undefined
  try {
    return JSON.parse(text.slice(start, end + 1))
  } catch {
    return undefined
  }
}

/** Where a value may begin, behind that quotation mark, if it has one. */
interface Place {
  readonly start: number
  /** What is looked at ends here. */
  readonly end: number
  readonly quote: string
}

const partsOfValue = new RegExp(`[[\\]{}]|"(?:[^"\\\\]|\\\\.){0,${longestUser}}"?|'(?:[^'\\\\]|\\\\.){0,${longestUser}}'?|[^\\s,:=[\\]{}"'\\\\]+`, 'g')

/** The value that begins there; of a list or an object, which may be cut off, all that is in it. */
function * valuesFrom (text: string, start: number, quote: string): Generator<Place> {
  const placeAt = (at: number, quote: string): Place => ({ start: at, end: Math.min(at + longestUser, text.length), quote })
  if (quote !== '' || !/[[{]/.test(text.charAt(start))) {
    yield placeAt(start, quote)
    return
  }
  let depth = 0
  for (const { 0: part, index } of text.slice(start).matchAll(partsOfValue)) {
    const first = part.charAt(0)
    if (/[[{]/.test(first)) {
      depth++
    } else if (/[\]}]/.test(first)) {
      if (--depth === 0) return
    } else {
      const quote = /["']/.test(first) ? first : ''
      yield placeAt(start + index + quote.length, quote)
    }
  }
}

/** What the value may be that a text begins with, behind that quotation mark, if it has one. */
function * candidates (text: string, quote: string): Generator<string> {
  for (const candidate of quote === '' ? bare(text) : quoted(text, quote)) {
    if (candidate === '') continue
    yield candidate
    // a form encodes a space so
    if (candidate.includes('+')) yield candidate.replaceAll('+', ' ')
  }
}

function * bare (rest: string): Generator<string> {
  const token = /^[^\s,}\]&;"'\\]+/.exec(rest)?.[0] ?? ''
  yield token
  yield withoutCut(token)
  yield digitsOf(token)
}

/** Of an integer, however it is written: `123.0` and `1.23e2` are `123`. Empty for any other text. */
function digitsOf (token: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/.exec(token) ?? []
  const point = whole.length + Number(exponent)
  const digits = whole + fraction
  if (point <= 0 || /[1-9]/.test(digits.slice(point))) return ''
  return sign + digits.slice(0, point).padEnd(point, '0').replace(/^0+(?=\d)/, '')
}

function * quoted (rest: string, quote: string): Generator<string> {
  const end = endOfString(rest, quote)
  if (end !== -1) {
    const inside = rest.slice(0, end)
    yield inside
    yield unescaped(inside)
    return
  }
  // cut off: the rest of the line follows
  let words = 0
  for (const { index } of rest.matchAll(/\s|$/g)) {
    yield withoutCut(rest.slice(0, index))
    if (++words === mostWords) break
  }
  yield withoutCut(rest)
}

function endOfString (text: string, quote: string): number {
  let end = text.indexOf(quote)
  while (end > 0 && /(?<!\\)\\(?:\\\\)*$/.test(text.slice(Math.max(0, end - 9), end))) end = text.indexOf(quote, end + 1)
  return end
}

function unescaped (inside: string): string {
  try {
    return JSON.parse(`"${inside}"`) as string
  } catch {
    return ''
  }
}

/** Up to what is left of an escape, and without the end of a query. */
function withoutCut (text: string): string {
  const end = text.search(/[%\\\uFFFD]/)
  return (end === -1 ? text : text.slice(0, end)).replace(/[?;]{1,3}$/, '')
}
