import { ConfigError, messageOf } from '../errors.js'
import { choicesInText, linearFinder, longestTried, type GroupFinder } from './linear-match.js'

/**
 * A format is a template for one line: `%q %{recvFrom}s %{seqId}d %t %h %{userAgent}i`. It is compiled once, into one
 * regular expression; text between specifiers may use the syntax of regular expressions, and a space matches any run of
 * blanks and tabs. Matching is anchored at the start of the line, not at its end.
 */
export interface LineFormat {
  readonly format: string
  /** What the line carries besides the capsule, in the order of `LineMatch.fields`. */
  readonly fields: readonly Field[]
  readonly encoding: CapsuleEncoding
  /** Null if the line does not match. */
  match (line: string): LineMatch | null
  /** Where a field's text lies in a line that matches, as `[start, end)`; null if it does not match. Slow: for error paths. */
  locate (line: string, field: Field): readonly [number, number] | null
}

/** `query`: percent-encoded, `%q`; `json`: as it is, `%j`. */
export type CapsuleEncoding = 'query' | 'json'

/** What is done with a field's text, or with the capsule's own value for it. */
export type Conversion = 'text' | 'integer' | 'seconds' | 'iso-8601' | 'address' | 'user-agent'

export interface Field {
  readonly name: string
  readonly conversion: Conversion
  /** As it stands in the format: `%t`, `%{recvFrom}s`. */
  readonly specifier: string
}

export interface LineMatch {
  /** The capsule, encoded as `encoding` says. */
  readonly capsule: string
  /** One text for each of `LineFormat.fields`. */
  readonly fields: readonly string[]
}

interface Specifier {
  readonly pattern: string
  /** Null for the capsule and for what is omitted. */
  readonly field: { readonly name: string | null, readonly conversion: Conversion } | null
  readonly capsule?: CapsuleEncoding
  readonly meaning: string
}

/** White space is what separates fields in logs: blanks and tabs. */
const spaces = '[ \\t]+'
const nonSpace = '[^ \\t]+'
const upToTab = '[^\\t]+'
const isoSeconds = '\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}'

/** A `name` of null is given in the format, as in `%{recvFrom}s`. */
const specifiers: Readonly<Record<string, Specifier>> = {
  q: { pattern: '\\?[^ \\t]*', capsule: 'query', field: null, meaning: 'the capsule, percent-encoded, after a "?"' },
  j: { pattern: nonSpace, capsule: 'json', field: null, meaning: 'the capsule as JSON without white space' },
  t: { pattern: isoSeconds, field: { name: 'timestamp', conversion: 'seconds' }, meaning: 'time, YYYY-MM-DDTHH:MM:SS in UTC' },
  D: { pattern: isoSeconds, field: { name: 'dt', conversion: 'iso-8601' }, meaning: 'the same, kept as ISO-8601' },
  h: { pattern: nonSpace, field: { name: 'clientIp', conversion: 'address' }, meaning: 'client address, hashed' },
  u: { pattern: upToTab, field: { name: 'userAgent', conversion: 'user-agent' }, meaning: 'user agent up to a tab, parsed' },
  l: { pattern: nonSpace, field: { name: 'recvFrom', conversion: 'text' }, meaning: 'old form of %{recvFrom}s' },
  n: { pattern: '\\d+', field: { name: 'seqId', conversion: 'integer' }, meaning: 'old form of %{seqId}d' },
  o: { pattern: nonSpace, field: null, meaning: 'anything without a space, omitted' },
  '{}s': { pattern: nonSpace, field: { name: null, conversion: 'text' }, meaning: 'text without a space' },
  '{}d': { pattern: '\\d+', field: { name: null, conversion: 'integer' }, meaning: 'digits' },
  '{}i': { pattern: upToTab, field: { name: null, conversion: 'text' }, meaning: 'text up to a tab' }
}

const specifierSyntax = /%(?:\{([^}]*)\})?([A-Za-z]?)/g

/** For help texts: each specifier with what it matches. */
export function describeSpecifiers (): string[] {
  return Object.entries(specifiers).map(([key, { meaning }]) => `%${key.replace('{}', '{name}')}  ${meaning}`)
}

/** Throws `ConfigError` for a specifier that does not exist, a name used twice, or a format without exactly one capsule. */
export function compileFormat (format: string): LineFormat {
  const fields: Field[] = []
  let encoding: CapsuleEncoding | null = null
  let source = ''
  let end = 0
  for (const match of format.matchAll(specifierSyntax)) {
    const specifier = specifierOf(match, format)
    source += literal(format.slice(end, match.index))
    end = match.index + match[0].length
    if (specifier.capsule !== undefined) {
      if (encoding !== null) throw new ConfigError('bad-format', `--format "${format}": there are two capsules; write one of %q and %j, once`)
      encoding = specifier.capsule
      source += `(?<capsule>${specifier.pattern})`
    } else if (specifier.field === null) {
      source += specifier.pattern
    } else {
      const name = specifier.field.name ?? fieldName(match[1] ?? '', format)
      if (fields.some(field => field.name === name)) throw new ConfigError('bad-format', `--format "${format}": field "${name}" is there twice; each field may come once`)
      fields.push({ name, conversion: specifier.field.conversion, specifier: match[0] })
      source += `(?<${name}>${specifier.pattern})`
    }
  }
  source += literal(format.slice(end))
  if (encoding === null) throw new ConfigError('bad-format', `--format "${format}": there is no capsule; write %q (percent-encoded) or %j (JSON) where it stands`)
  return assemble(format, source, fields, encoding)
}

function assemble (format: string, source: string, fields: readonly Field[], encoding: CapsuleEncoding): LineFormat {
  const named = compile(source, 'dy', format)
  const slow = carefully(source, format)
  const isQueryFirst = source.startsWith(queryFirst)
  const match = isQueryFirst ? matchQueryFirst(source.slice(queryFirst.length - spaces.length), fields, format) : matchWhole(source, fields, format, slow)
  const groups = groupNumbers(source, fields.map(field => field.name))

  return {
    format,
    fields,
    encoding,
    match,
    locate (line, field) {
      if (line.length > slow.above) return slow.find?.(line)?.(groups[fields.indexOf(field)] ?? 0) ?? null
      named.lastIndex = 0
      return named.exec(line)?.indices?.groups?.[field.name] ?? null
    }
  }
}

function matchWhole (source: string, fields: readonly Field[], format: string, slow: Careful): LineFormat['match'] {
  const whole = compile(nameless(source), 'y', format)
  const [capsuleGroup = 0, ...fieldGroups] = groupNumbers(source, ['capsule', ...fields.map(field => field.name)])
  return line => {
    if (line.length > slow.above) {
      const groups = textsOf(slow, line)
      return groups === null ? null : { capsule: groups(capsuleGroup), fields: fieldGroups.map(groups) }
    }
    whole.lastIndex = 0
    const found = whole.exec(line)
    if (found === null) return null
    return { capsule: found[capsuleGroup] ?? '', fields: fieldGroups.map(group => found[group] ?? '') }
  }
}

/** How longer texts are matched: those above that length, which somebody may have made so that the usual engine takes for ever. */
interface Careful {
  readonly above: number
  readonly find: GroupFinder | null
}

function carefully (source: string, format: string): Careful {
  const above = longestTried(choicesIn(format))
  const find = above === Infinity ? null : linearFinder(nameless(source))
  // an operator's own look-around has its price
  return find === null ? { above: Infinity, find } : { above, find }
}

function textsOf ({ find }: Careful, text: string): ((group: number) => string) | null {
  const found = find?.(text) ?? null
  return found === null ? null : group => text.slice(...found(group))
}

/** How many places there are that a format can put anywhere in a line: parts whose beginning or end is not plain. */
function choicesIn (format: string): number {
  const parts = [...format.matchAll(specifierSyntax)]
  const texts = [0, ...parts.map(({ 0: text, index }) => index + text.length)].map((end, at) => format.slice(end, parts[at]?.index))
  const ofParts = parts.map((part, at) => choicesOf(specifierOf(part, format).pattern, texts[at + 1] ?? '', at === parts.length - 1))
  return [...ofParts, ...texts.map(choicesInText)].reduce((sum, choices) => sum + choices, 0)
}

function choicesOf (pattern: string, next: string, isLast: boolean): number {
  if ((isLast && next === '') || pattern === isoSeconds) return 0
  // it may begin in the white space before it; behind a space it may end in any
  if (pattern === upToTab) return /^(?:\t|\\t)/.test(next) ? 2 : 3
  const isPlain = pattern === '\\d+' ? /^[^\d\\[(.]/.test(next) : /^(?: |\t|\\t|\\s)/.test(next)
  return isPlain ? 0 : 2
}

const queryFirst = `(?<capsule>${specifiers['q']?.pattern ?? ''})${spaces}`

/**
 * The usual client-side format begins with a long query and a space. Finding that space with `indexOf` instead of stepping
 * through the query in the regular expression makes matching five times as fast.
 */
function matchQueryFirst (source: string, fields: readonly Field[], format: string): LineFormat['match'] {
  const rest = compile(nameless(source), 'y', format)
  const slow = carefully(source, format)
  const fieldGroups = groupNumbers(source, fields.map(field => field.name))
  return line => {
    const blank = line.indexOf(' ')
    const tab = line.indexOf('\t')
    const end = tab === -1 || (blank !== -1 && blank < tab) ? blank : tab
    if (end === -1 || line.charCodeAt(0) !== questionMark) return null
    const capsule = line.slice(0, end)
    if (line.length - end > slow.above) {
      const groups = textsOf(slow, line.slice(end))
      return groups === null ? null : { capsule, fields: fieldGroups.map(groups) }
    }
    rest.lastIndex = end
    const found = rest.exec(line)
    return found === null ? null : { capsule, fields: fieldGroups.map(group => found[group] ?? '') }
  }
}

const questionMark = 0x3f

function compile (source: string, flags: string, format: string): RegExp {
  try {
    return new RegExp(source, flags)
  } catch (cause) {
    throw new ConfigError('bad-format', `--format "${format}": ${messageOf(cause)}; escape the characters ()[]{}.*+?^$| with a backslash where they mean themselves`, { cause })
  }
}

/** Escapes, classes, and the beginnings of groups that capture, with the name of those that have one. */
const groupSyntax = /\\[^]|\[(?:\\[^]|[^\]\\])*\]|\((?!\?)|\(\?<(?![=!])([^>]*)>/g

/** The numbers of named groups; an operator's own groups, named or not, may stand between them. */
function groupNumbers (source: string, names: readonly string[]): number[] {
  const groups = [...source.matchAll(groupSyntax)]
    .filter(([text]) => text.startsWith('('))
    .map(([, name]) => name)
  return names.map(name => groups.indexOf(name) + 1)
}

/** The same expression with numbers instead of names, which matches faster; as it is if it refers back to a name. */
function nameless (source: string): string {
  if (source.includes('\\k<')) return source
  return source.replace(groupSyntax, (text, name?: string) => name === undefined ? text : '(')
}

/** The format's own text: a space stands for any run of white space, the rest is left as it is. */
function literal (text: string): string {
  return text.replace(/ +/g, spaces)
}

function specifierOf (match: RegExpMatchArray, format: string): Specifier {
  const [text, name, letter = ''] = match
  const specifier = Object.hasOwn(specifiers, name === undefined ? letter : `{}${letter}`) ? specifiers[name === undefined ? letter : `{}${letter}`] : undefined
  if (specifier !== undefined) return specifier
  const known = Object.keys(specifiers).map(key => `%${key.replace('{}', '{name}')}`).join(' ')
  throw new ConfigError('bad-format', `--format "${format}": there is no specifier "${text}"; there are ${known}; a literal % is \\x25`)
}

function fieldName (name: string, format: string): string {
  if (/^[A-Za-z]\w*$/.test(name) && name !== 'capsule') return name
  throw new ConfigError('bad-format', `--format "${format}": "${name}" cannot name a field; use letters, digits and "_", beginning with a letter (and not "capsule")`)
}
