import type { Random } from './random.js'

/** Longest text that is made, in characters: that of a line that a processor takes. */
export const longest = 65_536

/** What has broken parsers before. */
export const nastyTexts: readonly string[] = [
  '', ' ', '\0', '\t', '\n', '\r\n', '\u2028', '\ufeff', '\ud800', '\udc00', '😀', 'é', '\u0130', '\x7f', '\xa0',
  '__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'length', '-1', '0', '-0', '1e400', '-1e400', '1e-400', '9007199254740993',
  '9'.repeat(400), '0.1', '.5', '1.', '+1', '0x10', 'NaN', 'Infinity', 'null', 'true', '%', '%zz', '%00', '%ff', '%f0%9f%98%80', '%ed%a0%80', '%25', '+', '&', '=', ';', '?', '#', '@',
  '/', '//', '..', '../', '\\', '\\\\', '\\u0000', '\\ud800', '"', '\'', '`', '$', '${', '{', '}', '[', ']', '(', ')', '<', '>', '|', '*', '**', '.', ':', ',', '-', '--', '!', '!!', '~', '^'
]

const brackets: ReadonlyArray<readonly [string, string]> = [['[', ']'], ['{', '}'], ['{"a":', '}'], ['(', ')'], ['"', '"'], ['%5B', '%5D'], ['{"__proto__":', '}'], ['- ', ''], ['? ', '']]

/** Something else, out of a text and others of its kind. */
export function mutateText (random: Random, text: string, others: readonly string[] = [], most = longest): string {
  let result = text
  for (let times = 1 + random.size(6); times > 0; times--) result = mutateOnce(random, result, others, most).slice(0, most)
  return result
}

function mutateOnce (random: Random, text: string, others: readonly string[], most: number): string {
  const start = random.int(text.length + 1)
  const end = Math.min(text.length, start + random.size(text.length + 1))
  const part = text.slice(start, end)
  const replaceBy = (middle: string): string => text.slice(0, start) + middle + text.slice(end)
  switch (random.int(11)) {
    case 0: return replaceBy('')
    case 1: return replaceBy(part + part)
    case 2: return replaceBy(random.pick(nastyTexts))
    case 3: return text.slice(0, start) + random.pick(nastyTexts) + text.slice(start)
    case 4: return text.slice(0, start)
    case 5: return text.slice(start)
    // what is slow is slow when it is long
    case 6: return replaceBy(part.slice(0, 40).repeat(random.size(most / Math.max(1, Math.min(part.length, 40)))))
    case 7: {
      const [open, close] = random.pick(brackets)
      const depth = random.size(most / (open.length + close.length))
      return replaceBy(open.repeat(depth) + part + close.repeat(random.oneIn(3) ? depth - 1 : depth))
    }
    case 8: {
      const other = others.length === 0 ? text : random.pick(others)
      const from = random.int(other.length + 1)
      return replaceBy(other.slice(from, from + random.size(other.length + 1)))
    }
    case 9: return replaceBy(String.fromCharCode(random.int(random.oneIn(2) ? 128 : 65_536)))
    default: return replaceBy(String(random.pick([random.int(100), -random.int(1e9), 2 ** random.int(70), random.int(1e6) / 1000])))
  }
}

/** A value of JSON: mostly small, sometimes deep, wide, or with what parsers do not like. */
export function anyJson (random: Random, depth = 4): unknown {
  const kind = random.int(depth > 0 ? 9 : 6)
  switch (kind) {
    case 0: return random.pick([null, true, false])
    case 1: return random.int(1000)
    case 2: return random.pick([0.1, -1, 1e21, 2 ** 53, -(2 ** 53) - 2, 1e308, 5e-324, 1_400_664_601])
    case 3: return random.pick(nastyTexts)
    case 4: return random.pick(['a', 'view', 'enwiki', '2014-05-21T09:30:01Z', '203.0.113.9', 'https://e.org/a?b=c'])
    case 5: return random.pick(nastyTexts).repeat(random.size(50))
    case 6: return Array.from({ length: random.size(12) }, () => anyJson(random, depth - 1))
    default: return Object.fromEntries(Array.from({ length: random.size(8) }, () => [random.oneIn(4) ? random.pick(nastyTexts) : random.pick(['a', 'b', 'action', 'n', 'id']), anyJson(random, depth - 1)]))
  }
}

/** The same with some part of it changed; may share parts with what it was. */
export function mutateJson (random: Random, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || random.oneIn(8)) return random.oneIn(3) ? [value] : anyJson(random)
  const entries: Array<[string, unknown]> = Object.entries(value)
  if (entries.length === 0 || random.oneIn(5)) entries.push([random.pick(nastyTexts), anyJson(random)])
  const at = random.int(entries.length)
  const [name, inner] = entries[at] as [string, unknown]
  if (random.oneIn(6)) entries.splice(at, 1)
  else if (random.oneIn(6)) entries[at] = [random.pick(nastyTexts), inner]
  else entries[at] = [name, mutateJson(random, inner)]
  return Array.isArray(value) ? entries.map(([, inner]) => inner) : Object.fromEntries(entries)
}

/** JSON text with what `JSON.stringify` never writes: keys that stand twice, large numbers, white space, deep nesting. */
export function oddJson (random: Random, value: unknown): string {
  const text = JSON.stringify(value)
  switch (random.int(7)) {
    case 0: return text.replace('{', () => `{"${random.pick(['event', 'schema', '__proto__', 'a'])}":${JSON.stringify(anyJson(random, 1))},`)
    case 1: return text.replace(/\d+/, () => random.pick(['1e400', '-1e400', '9007199254740993', '1'.repeat(1 + random.size(5000)), '0.1e-400', '1E5']))
    case 2: return text.replaceAll(':', random.pick([' :', ':\t', ':\n', ': ']))
    case 3: {
      const depth = random.size(30_000)
      const [open, close] = random.pick(brackets.slice(0, 3))
      return text.replace(/:(?=["\d])/, () => `:${open.repeat(depth)}${open.endsWith(':') ? '1' : ''}${close.repeat(depth)},"x":`)
    }
    case 4: return text.replace(/"([^"]*)"/, () => `"${random.pick(['\\u0061', '\\ud800', '\\/', 'a'.repeat(random.size(30_000)), '\\"'.repeat(random.size(9000))])}"`)
    case 5: return text.replace(/\[|\{/, open => open === '[' ? `[${'1,'.repeat(random.size(30_000))}` : '{')
    default: return text
  }
}
