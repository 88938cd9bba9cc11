/** A piece of an expression, and where it begins. */
export interface Token {
  readonly kind: 'path' | 'string' | 'number' | 'word' | 'sign' | 'end'
  /** As it is written; of a string what it stands for. */
  readonly text: string
  readonly at: number
}

/** What is wrong with an expression, and where. */
export class Mistake extends Error {
  readonly at: number

  constructor (at: number, message: string) {
    super(message)
    this.at = at
  }
}

/** `event.page.id`, `event["a b"]`, `event.list[0]`. */
const shape = /\s+|(?<path>[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$-]*|\[(?:\d+|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\])*)|(?<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?<sign>==|!=|<=|>=|&&|\|\||!~|[<>~!()])/y

const words: readonly string[] = ['true', 'false', 'null', 'exists']

/** Throws `Mistake`. */
export function tokensOf (text: string): Token[] {
  const tokens: Token[] = []
  shape.lastIndex = 0
  for (let at = 0; at < text.length; at = shape.lastIndex) {
    const match = shape.exec(text)
    if (match === null) throw unreadable(text, at)
    const { path, number, string, sign } = match.groups ?? {}
    if (path !== undefined) tokens.push({ kind: words.includes(path) ? 'word' : 'path', text: path, at })
    else if (number !== undefined) tokens.push({ kind: 'number', text: number, at })
    else if (string !== undefined) tokens.push({ kind: 'string', text: unquoted(string), at })
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign, at })
  }
  return [...tokens, { kind: 'end', text: '', at: text.length }]
}

/** The keys of a path. */
export function keysOf (path: string): string[] {
  return [...path.matchAll(/[A-Za-z_$][\w$-]*|\[(\d+)\]|\[("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\]/g)].map(([key, index, quoted]) => index ?? (quoted === undefined ? key : unquoted(quoted)))
}

/** A backslash stands for what follows it, but `\n` and `\t`. */
function unquoted (text: string): string {
  return text.slice(1, -1).replace(/\\(.)/gs, (_escape, character: string) => character === 'n' ? '\n' : character === 't' ? '\t' : character)
}

function unreadable (text: string, at: number): Mistake {
  const rest = text.slice(at)
  if (/^["']/.test(rest)) return new Mistake(at, 'this string does not end')
  if (rest.startsWith('=')) return new Mistake(at, 'write == for "is equal to"')
  if (/^[&|]/.test(rest)) return new Mistake(at, 'write && for "and", || for "or"')
  return new Mistake(at, `nothing can begin with ${JSON.stringify(String.fromCodePoint(text.codePointAt(at) ?? 0))}`)
}
