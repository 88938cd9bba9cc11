import { readFileSync, statSync } from 'node:fs'
import { ConfigError, messageOf, type Place } from '../errors.js'

/** Argument files may name others, so deep at most. */
const depthLimit = 8
/** Files that are read at most: those that name others many times multiply. */
const mostFiles = 1000
/** Bytes of a file. */
const longestFile = 1 << 20

export interface Argument {
  readonly text: string
  /** Where it stands, if in an argument file. */
  readonly place: Place | null
}

/**
 * Replaces each `@path` by the arguments in that file: one a line; `#` at the start of a line begins a comment; of a line
 * that begins with `--option`, the option ends at the first white space and the rest is its value, spaces included. What follows
 * an option that is in `verbatim` is no file, though it begins with `@`. Throws `ConfigError` naming the file.
 */
export function expandArguments (args: readonly string[], verbatim: readonly string[] = []): string[] {
  return readArguments(args, verbatim).map(({ text }) => text)
}

/** The same, each with its place. */
export function readArguments (args: readonly string[], verbatim: readonly string[] = []): Argument[] {
  let files = 0
  const expand = (args: readonly Argument[], depth: number): Argument[] => args.flatMap((arg, at) => {
    const { text, place } = arg
    if (!text.startsWith('@') || text.length === 1 || verbatim.includes(args[at - 1]?.text ?? '')) return [arg]
    if (depth === depthLimit) throw refused(place, `${text}: argument files name each other more than ${depthLimit} deep; take out the circle`)
    if (++files > mostFiles) throw refused(place, `${text}: more than ${mostFiles} argument files are named; name fewer`)
    return expand(argumentsIn(text.slice(1), place), depth + 1)
  })
  return expand(args.map(text => ({ text, place: null })), 0)
}

function argumentsIn (file: string, namedAt: Place | null): Argument[] {
  return read(file, namedAt).split('\n').flatMap((whole, at) => {
    const line = whole.trim()
    if (line === '' || line.startsWith('#')) return []
    const [, option, value] = /^(--[A-Za-z][\w-]*)\s+(.*)$/s.exec(line) ?? []
    const place = { file, line: at + 1 }
    return (option === undefined || value === undefined ? [line] : [option, value]).map(text => ({ text, place }))
  })
}

function read (path: string, namedAt: Place | null): string {
  try {
    const { size } = statSync(path)
    if (size > longestFile) throw new Error(`the file has ${size} bytes, at most ${longestFile} are read`)
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw refused(namedAt, `@${path}: ${messageOf(cause)}; name an argument file that can be read`, cause)
  }
}

function refused (place: Place | null, message: string, cause?: unknown): ConfigError {
  const error = new ConfigError('bad-option', message, { cause })
  error.place = place
  return error
}

/** Where that stands which an error is about, given with an equals sign or without; the last, if it stands there several times. Null for what is in no file. */
export function placeOf (error: unknown, args: readonly Argument[]): Place | null {
  if (!(error instanceof ConfigError)) return null
  const { subject } = error
  if (error.place !== null || subject === null) return error.place
  const isIt = (text: string): boolean => text === subject || (subject.startsWith('--') ? text.startsWith(`${subject}=`) : text.endsWith(`=${subject}`))
  return args.findLast(({ text }) => isIt(text))?.place ?? null
}

/** What an error says, with `FILE:LINE: ` before it if that is where the mistake stands. */
export function messageWithPlace (error: unknown, args: readonly Argument[]): string {
  const place = placeOf(error, args)
  return `${place === null ? '' : `${place.file}:${place.line}: `}${messageOf(error)}`
}
