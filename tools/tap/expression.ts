import { ConfigError } from '../../lib/errors.js'
import { compilePattern } from '../../lib/event/regexp.js'
import { keysOf, Mistake, tokensOf, type Token } from './tokens.js'

/** Whether an event is meant. Never throws. */
export type Condition = (event: object) => boolean

type Scalar = string | number | boolean | null

/** What stands on one side of a comparison: something that is written there, or what the event has; undefined if it has nothing. */
type Operand =
  | { readonly kind: 'value', readonly value: Scalar, readonly token: Token }
  | { readonly kind: 'field', readonly find: (event: object) => unknown, readonly token: Token }

/** Longest expression, in characters: the parser recurses. */
const longest = 2000

/** For help texts. */
export const expressionHelp = 'Fields as event.action, wiki, event["odd name"], event.list[0], event.list.length; == != < <= > >=; ~ and !~ with a pattern in RE2\'s syntax;\n' +
  'exists event.field; && || ! ( ). A field alone holds when it is true; one that is not there is like no value.\n'

/**
 * Compiles a condition such as `event.action == "init" && event.duration > 100`. Nothing in it can do anything but compare, and it takes time
 * linear in the event. Throws `ConfigError` that shows with a caret where the mistake is.
 */
export function compileExpression (option: string, text: string): Condition {
  if (text.length > longest) throw new ConfigError('bad-option', `${option} has ${text.length} characters; give ${longest} at most`)
  try {
    return new Parser(tokensOf(text)).whole()
  } catch (error) {
    if (!(error instanceof Mistake)) throw error
    throw new ConfigError('bad-option', `${option}: ${error.message}\n  ${text}\n  ${' '.repeat(error.at)}^`)
  }
}

class Parser {
  readonly #tokens: readonly Token[]
  #at = 0

  constructor (tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  whole (): Condition {
    const condition = this.#either()
    const { kind, at, text } = this.#next
    if (kind !== 'end') throw new Mistake(at, `"${text}" is one too many; && or || is missing before it, or a parenthesis`)
    return condition
  }

  get #next (): Token {
    return this.#tokens[this.#at] as Token
  }

  #take (...signs: string[]): string | null {
    const { kind, text } = this.#next
    if (kind !== 'sign' || !signs.includes(text)) return null
    this.#at++
    return text
  }

  #either (): Condition {
    let left = this.#both()
    while (this.#take('||') !== null) {
      const [one, other] = [left, this.#both()]
      left = event => one(event) || other(event)
    }
    return left
  }

  #both (): Condition {
    let left = this.#single()
    while (this.#take('&&') !== null) {
      const [one, other] = [left, this.#single()]
      left = event => one(event) && other(event)
    }
    return left
  }

  #single (): Condition {
    if (this.#take('!') !== null) {
      const inner = this.#single()
      return event => !inner(event)
    }
    if (this.#take('(') !== null) {
      const inner = this.#either()
      if (this.#take(')') === null) throw new Mistake(this.#next.at, 'a ) is missing here')
      return inner
    }
    if (this.#next.kind === 'word' && this.#next.text === 'exists') return this.#existence()
    return this.#comparison()
  }

  #existence (): Condition {
    this.#at++
    const operand = this.#operand()
    if (operand.kind === 'value') throw new Mistake(operand.token.at, 'exists wants a field, as event.action')
    return event => operand.find(event) !== undefined
  }

  #comparison (): Condition {
    const left = this.#operand()
    const match = this.#take('~', '!~')
    if (match !== null) {
      const matches = this.#pattern(left)
      return match === '~' ? matches : event => !matches(event)
    }
    const sign = this.#take('==', '!=', '<=', '>=', '<', '>')
    if (sign === null) {
      if (left.kind === 'value') throw new Mistake(left.token.at, 'this alone says nothing; compare it with a field')
      return event => left.find(event) === true
    }
    const [one, other] = [valueOf(left), valueOf(this.#operand())]
    const holds = comparisons[sign as keyof typeof comparisons]
    return event => holds(one(event), other(event))
  }

  #pattern (left: Operand): Condition {
    const { kind, text, at } = this.#next
    if (kind !== 'string') throw new Mistake(at, 'a pattern in quotes must follow ~')
    this.#at++
    const value = valueOf(left)
    try {
      const pattern = compilePattern(text)
      return event => {
        const text = value(event)
        return typeof text === 'string' && pattern.test(text)
      }
    } catch (error) {
      if (error instanceof ConfigError) throw new Mistake(at, error.message)
      throw error
    }
  }

  #operand (): Operand {
    const token = this.#next
    this.#at++
    switch (token.kind) {
      case 'path': return { kind: 'field', find: finder(keysOf(token.text)), token }
      case 'string': return { kind: 'value', value: token.text, token }
      case 'number': return { kind: 'value', value: Number(token.text), token }
      case 'word':
        if (token.text !== 'exists') return { kind: 'value', value: token.text === 'null' ? null : token.text === 'true', token }
        throw new Mistake(token.at, 'exists stands before a field, and not in a comparison')
      case 'sign': throw new Mistake(token.at, `a field or a value must stand here, before "${token.text}"`)
      case 'end': throw new Mistake(token.at, 'something is missing here: a field, as event.action, or a value')
    }
  }
}

function valueOf (operand: Operand): (event: object) => unknown {
  return operand.kind === 'field' ? operand.find : () => operand.value
}

/** Own fields only, and the length of an array: nothing that objects inherit is an event's. */
function finder (keys: readonly string[]): (event: object) => unknown {
  return event => {
    let value: unknown = event
    for (const key of keys) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
      value = (value as Record<string, unknown>)[key]
    }
    return value
  }
}

/** Only what is of one type is compared by size: nothing is converted. */
function ordered (compare: (one: string | number | bigint, other: string | number | bigint) => boolean): (one: unknown, other: unknown) => boolean {
  return (one, other) => {
    if (isNumber(one) && isNumber(other)) return compare(one, other)
    return typeof one === 'string' && typeof other === 'string' && compare(one, other)
  }
}

function isNumber (value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint'
}

function isEqual (one: unknown, other: unknown): boolean {
  if (isNumber(one) && isNumber(other)) return !(one < other) && !(one > other)
  return one === other && one !== undefined
}

const comparisons = {
  '==': isEqual,
  '!=': (one: unknown, other: unknown) => !isEqual(one, other),
  '<': ordered((one, other) => one < other),
  '<=': ordered((one, other) => one <= other),
  '>': ordered((one, other) => one > other),
  '>=': ordered((one, other) => one >= other)
} as const
