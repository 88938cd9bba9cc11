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

/** Characters of a pattern. */
const longestSource = 10_000
/** Instructions of a compiled pattern. */
const longestProgram = 2000
/** The same before it is compiled, when alternatives with the same beginning are not yet put together: compiling more takes seconds, and gigabytes. */
const longestDraft = 4 * longestProgram
/** Bytes of the states that a pattern remembers; beyond them it forgets, or goes on without. By itself it would take 8 MB. */
const mostMemory = 256 << 10
/** What a step of the engine costs against one of a validator, at worst. */
const stepShare = 1 / 2

/**
 * Compiles a schema's regular expression for an engine that takes time linear in the text, because the text comes from the
 * internet. The syntax is ECMAScript's as far as RE2 has it; `\s` is ASCII white space and `.` all but a newline. Throws
 * `ConfigError` that tells the schema's owner what to write instead.
 */
export function compilePattern (source: string): Pattern {
  if (source.length > longestSource) throw new ConfigError('bad-schema', `${quote(source)} has ${source.length} characters, at most ${longestSource} are taken; use enum for a list of texts`)
  const draft = draftSize(source)
  if (draft > longestDraft) throw tooCostly(source, draft)
  let compiled: RE2JS
  try {
    compiled = RE2JS.compile(RE2JS.translateRegExp(prepare(source)))
  } catch (cause) {
    throw new ConfigError('bad-schema', `${quote(source)} cannot be matched in linear time (${reasonOf(cause)}); write it in RE2's syntax: no look-around, no back-references, repeat counts up to 1000`, { cause })
  }
  const size = compiled.programSize()
  if (size > longestProgram) throw tooCostly(source, size)
  const { dfa } = compiled.re2()
  dfa.stateBudget = dfa.memBudget = mostMemory
  return { size, test: text => compiled.test(text), toString: () => `/${source}/` }
}

/** Escapes, classes, groups and repeat counts; anything else is a character. */
const patternSyntax = /\\(?:[pPuxk]\{[^}]*\}|[^])|\[(?:\\[^]|[^\]\\])*\]|\((?:\?(?:<[^>]*>|[^:()]*:)?)?|\{(\d+)(?:,(\d*))?\}|[^]/gu

/** About how many instructions a pattern becomes, with what is repeated as often as it may be. */
function draftSize (source: string): number {
  const around: Array<{ sum: number, last: number }> = []
  let group = { sum: 0, last: 0 }
  const add = (size: number): void => { group = { sum: group.sum + group.last, last: size } }
  for (const [text, least, most] of source.matchAll(patternSyntax)) {
    if (least !== undefined) {
      group.last *= Math.max(1, Number(least), Number(most ?? 0))
    } else if (text.startsWith('(')) {
      around.push(group)
      // a group that is repeated costs, also without anything in it
      group = { sum: /^\((?:\?<|$)/.test(text) ? 2 : 1, last: 0 }
    } else if (text === ')') {
      const size = group.sum + group.last
      group = around.pop() ?? { sum: 0, last: 0 }
      add(size)
    } else {
      add(1)
    }
  }
  return [...around, group].reduce((size, { sum, last }) => size + sum + last, 0)
}

function tooCostly (source: string, size: number): ConfigError {
  return new ConfigError('bad-schema', `${quote(source)} is too costly (${size} steps a character, at most ${longestProgram}); use smaller repeat counts, or maxLength`)
}

/** What ajv's option `code.regExp` takes. `code` is only for validators written to a file, which these are not. */
export function regExpEngine ({ spend }: Pick<Effort, 'spend'>): ((source: string) => Pattern) & { code: string } {
  const compiled = new Map<string, Pattern>()
  // ajv asks for a pattern again wherever it stands
  const compile = (source: string): Pattern => {
    let pattern = compiled.get(source)
    if (pattern === undefined) compiled.set(source, pattern = counting(source))
    return pattern
  }
  const counting = (source: string): Pattern => {
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
