import { RE2JS } from 're2js'
import { ConfigError, messageOf } from '../errors.js'
import type { Effort } from './effort.js'

/** What ajv needs of a regular expression; `toString` tells two patterns apart. */
export interface Pattern {
  test (text: string): boolean
  toString (): string
  /** Instructions: what a character costs is at most proportional to them. */
  readonly size: number
}

/** Instructions of a compiled pattern. */
const longestProgram = 2000
/** Bytes of the states that a pattern remembers; beyond them it forgets, or goes on without. By itself it would take 8 MB. */
const mostMemory = 256 << 10
/** What a step of the engine costs against one of a validator, at worst. */
const stepShare = 1 / 4

/**
 * Compiles a schema's regular expression for an engine that takes time linear in the text, because the text comes from the
 * internet. The syntax is ECMAScript's as far as RE2 has it; `\s` is ASCII white space and `.` all but a newline. Throws
 * `ConfigError` that tells the schema's owner what to write instead.
 */
export function compilePattern (source: string): Pattern {
  let compiled: RE2JS
  try {
    compiled = RE2JS.compile(RE2JS.translateRegExp(prepare(source)))
  } catch (cause) {
    throw new ConfigError('bad-schema', `${quote(source)} cannot be matched in linear time (${reasonOf(cause)}); write it in RE2's syntax: no look-around, no back-references, repeat counts up to 1000`, { cause })
  }
  const size = compiled.programSize()
  if (size > longestProgram) {
    throw new ConfigError('bad-schema', `${quote(source)} is too costly (${size} steps a character, at most ${longestProgram}); use smaller repeat counts, or maxLength`)
  }
  const { dfa } = compiled.re2()
  dfa.stateBudget = dfa.memBudget = mostMemory
  return { size, test: text => compiled.test(text), toString: () => `/${source}/` }
}

/** What ajv's option `code.regExp` takes. `code` is only for validators written to a file, which these are not. */
export function regExpEngine ({ spend }: Pick<Effort, 'spend'>): ((source: string) => Pattern) & { code: string } {
  const compile = (source: string): Pattern => {
    const pattern = compilePattern(source)
    const test = (text: string): boolean => {
      spend(1 + text.length * pattern.size * stepShare)
      return pattern.test(text)
    }
    return { ...pattern, test }
  }
  return Object.assign(compile, { code: '' })
}

/** What the translation of re2js leaves out, or would take for a literal. Escapes are read in pairs, so `\\k<` is none. */
function prepare (source: string): string {
  return source.replace(/\\(?:u([dD][89abAB][\da-fA-F]{2})\\u([dD][c-fC-F][\da-fA-F]{2})|[pP]\{(?:Script|sc)=(\w+)\}|[^])/g, (escape, high?: string, low?: string, script?: string) => {
    if (high !== undefined && low !== undefined) return String.fromCharCode(parseInt(high, 16), parseInt(low, 16))
    if (script !== undefined) return `${escape.slice(0, 2)}{${script}}`
    if (escape === '\\k') throw new SyntaxError('\\k is a back-reference')
    return escape
  })
}

function reasonOf (thrown: unknown): string {
  return messageOf(thrown).replace(/^error parsing regexp: /, '')
}

function quote (source: string): string {
  return `the pattern ${JSON.stringify(source.length > 80 ? `${source.slice(0, 80)}…` : source)}`
}
