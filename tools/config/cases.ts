import { readFileSync } from 'node:fs'
import { messageOf } from '../../lib/errors.js'
import { readSource, type Source } from '../../lib/registry/source.js'
import { problemAt, sorted, type Problem } from './problem.js'

/** What leaves records out, as the ledger calls it. */
export const drops = ['filtered', 'sampled', 'opted_out', 'dead_letter'] as const
export type Dropped = typeof drops[number]

export type Expected =
  | { readonly kind: 'capsule', readonly value: object }
  | { readonly kind: 'record', readonly value: string }
  | { readonly kind: 'error', readonly value: Readonly<Record<string, unknown>> }
  | { readonly kind: 'dropped', readonly value: Dropped }

/** A line, and what must become of it. */
export interface Case {
  /** Of its item in the file. */
  readonly line: number
  readonly name: string
  readonly text: string
  /** The input by which it comes, and the output that counts, as their URIs begin; null for all. */
  readonly input: string | null
  readonly output: string | null
  readonly expected: Expected
}

/** A file of cases. */
export interface Cases {
  readonly file: string
  /** `processors/client-side` */
  readonly instance: string
  /** Of what names it. */
  readonly instanceLine: number
  readonly optedOut: readonly string[]
  readonly cases: readonly Case[]
}

const atTop = ['instance', 'opted-out', 'cases']
const ofCase = ['name', 'line', 'input', 'output', 'capsule', 'record', 'error', 'dropped']
const ofError = ['code', 'message', 'schema', 'revision', 'rawEvent']

/** Reads a file of cases; what is wrong with it instead, each with its line. */
export function readCases (file: string): Cases | Problem[] {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    return [problemAt({ file, line: null }, `${messageOf(error)}; name a file of cases that can be read`)]
  }
  const source = readSource(file, text)
  if (Array.isArray(source)) return source.map(({ file, line, text }) => ({ file, line, severity: 'error', message: text }))
  return new Reading(source).cases()
}

/** Takes a file apart, and notes what is wrong with it. */
class Reading {
  readonly #source: Source
  readonly #problems: Problem[] = []

  constructor (source: Source) {
    this.#source = source
  }

  cases (): Cases | Problem[] {
    const { file, value } = this.#source
    const top = this.#names([], value, atTop)
    const { instance, cases, 'opted-out': optedOut = [] } = top
    if (typeof instance !== 'string' || !/^[a-z]+\/[^/]+$/.test(instance)) this.#wrong(['instance'], 'instance is missing, or is not one; give an argument file below --config, as processors/client-side')
    if (!isListOf(optedOut, isText)) this.#wrong(['opted-out'], 'opted-out is no list of names; give users who are taken to have opted out: [somebody]')
    if (!Array.isArray(cases) || cases.length === 0) this.#wrong(['cases'], 'cases are missing; give a list, each with a line and one of capsule, record, error, dropped')
    const read = Array.isArray(cases) ? cases.flatMap((one, at) => this.#case(one, ['cases', String(at)], at) ?? []) : []
    if (this.#problems.length > 0) return sorted(this.#problems)
    return { file, instance: String(instance), instanceLine: this.#source.lineOf(['instance']), optedOut: (optedOut as unknown[]).map(String), cases: read }
  }

  #case (value: unknown, path: string[], at: number): Case | null {
    const { line, name = `case ${at + 1}`, input = null, output = null, ...rest } = this.#names(path, value, ofCase)
    const kinds = Object.keys(rest).filter(kind => ofCase.includes(kind))
    if (typeof line !== 'string' || line.trim() === '' || line.trimEnd().includes('\n')) this.#wrong([...path, 'line'], 'line is missing, or is not one; give the line as it is sent, in quotes')
    if (!isText(name)) this.#wrong([...path, 'name'], 'name is no text; say in words what the case is')
    for (const [which, uri] of Object.entries({ input, output })) if (uri !== null && typeof uri !== 'string') this.#wrong([...path, which], `${which} is no URI; give the beginning of one of the instance's`)
    const [kind] = kinds
    if (kind === undefined || kinds.length > 1) {
      this.#wrong(kind === undefined ? path : [...path, kinds[1] ?? ''], `${kind === undefined ? 'nothing is expected' : `${kinds.join(' and ')} are expected`}; give one of capsule, record, error, dropped`)
      return null
    }
    const expected = this.#expected(kind, rest[kind], [...path, kind])
    if (expected === null) return null
    return { line: this.#source.lineOf(path), name: String(name), text: String(line).trimEnd(), input: input as string | null, output: output as string | null, expected }
  }

  #expected (kind: string, value: unknown, path: string[]): Expected | null {
    if (kind === 'capsule' && isMap(value)) return { kind, value }
    if (kind === 'record' && isText(value)) return { kind, value: String(value) }
    if (kind === 'error' && isMap(value)) return { kind, value: this.#names(path, value, ofError) }
    const drop = drops.find(known => known === value)
    if (kind === 'dropped' && drop !== undefined) return { kind, value: drop }
    const allowed = { capsule: 'names and values that the event must have', record: 'the whole record as text', error: `some of ${ofError.join(', ')}`, dropped: `one of ${drops.join(', ')}` }
    this.#wrong(path, `${kind} is wrong; give ${allowed[kind as keyof typeof allowed]}`)
    return null
  }

  /** Of a map; names that mean nothing are told. */
  #names (path: string[], value: unknown, allowed: readonly string[]): Record<string, unknown> {
    if (!isMap(value)) {
      this.#wrong(path, `${path.length === 0 ? 'the file' : 'this'} has no names; give ${allowed.join(', ')}`)
      return {}
    }
    for (const name of Object.keys(value)) if (!allowed.includes(name)) this.#wrong([...path, name], `there is no "${name}"; allowed are ${allowed.join(', ')}`)
    return value
  }

  #wrong (path: readonly string[], message: string): void {
    const { file } = this.#source
    this.#problems.push(problemAt({ file, line: this.#source.lineOf(path) }, message))
  }
}

function isMap (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** YAML takes what looks like a number for one. */
function isText (value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number'
}

function isListOf (value: unknown, is: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(is)
}
