import type { Argument } from '../../lib/cli/arguments.js'
import type { Transports } from '../../lib/cli/command.js'
import type { Claim } from '../../lib/stream/contracts.js'
import type { Uri } from '../../lib/stream/uri.js'
import { builtInReaders } from '../../lib/readers/index.js'
import { builtInWriters } from '../../lib/writers/index.js'

/** The options of daemons that name streams. */
export const streamOptions = { input: 'reader', output: 'writer', invalid: 'writer', 'dead-letter': 'writer' } as const
export type StreamKind = typeof streamOptions[keyof typeof streamOptions]

/** A stream that an instance reads or writes. */
export interface StreamUse {
  readonly option: string
  readonly kind: StreamKind
  readonly argument: Argument
  /** What is behind `map:`, `filter:` and the like. */
  readonly uri: Uri
  readonly params: Readonly<Record<string, unknown>>
  readonly claims: readonly Claim[]
  /** Looks at the files with its passwords and keys, which throws `ConfigError`; null if there are none. */
  readonly checkSecrets: (() => void) | null
  /** Functions of plug-ins that it goes through, the outermost first. */
  readonly functions: readonly string[]
  /** Schemes that wrap others, the outermost first. */
  readonly wrappers: readonly string[]
}

/** For who opens nothing, and need not be able to read files with passwords and keys. */
export function transportsWithoutSecrets (): Transports {
  const transports = { readers: builtInReaders(), writers: builtInWriters() }
  for (const schemes of Object.values(transports)) schemes.checkOwn = uri => { schemes.check(uri) }
  return transports
}

/** Throws `ConfigError` for a URI that is wrong. */
export function takeApart (option: string, kind: StreamKind, argument: Argument, transports: Transports): StreamUse {
  const schemes = kind === 'reader' ? transports.readers : transports.writers
  const functions: string[] = []
  const wrappers: string[] = []
  let checked = schemes.check(withoutName(argument.text))
  while (checked.handler.wraps === true) {
    wrappers.push(checked.uri.scheme)
    const params = checked.params as Record<string, unknown>
    if (typeof params['function'] === 'string') functions.push(params['function'])
    checked = schemes.check(checked.uri.rest)
  }
  const { uri, params, handler } = checked
  return { option, kind, argument, uri, params: params as Record<string, unknown>, claims: handler.claims?.(uri, params) ?? [], checkSecrets: handler.checkSecrets === undefined ? null : () => { handler.checkSecrets?.(uri, params) }, functions, wrappers }
}

/** The one that gives this value: an output may be given again as `--invalid`. */
export function argumentOf (option: string, value: string, args: readonly Argument[]): Argument {
  let current = ''
  for (const argument of args) {
    const [, name, given] = /^--([A-Za-z][\w-]*)(?:=(.*))?$/s.exec(argument.text) ?? []
    current = name ?? current
    if (current === option && (given ?? argument.text) === value) return { text: value, place: argument.place }
  }
  return { text: value, place: null }
}

/** Inputs of monitors have `NAME=` before their URI, in which a colon comes before any `=`. */
export function withoutName (value: string): string {
  return value.replace(/^[^:=]*=/, '')
}

/** In place of a URI that is wrong, so that the rest can be looked at. */
export function harmlessUri (kind: StreamKind, value: string): string {
  const [name = ''] = /^[^:=]*=/.exec(value) ?? []
  return `${name}${kind === 'reader' ? 'stdin://' : 'stdout://'}`
}
