import { ConfigError, type Place } from '../../lib/errors.js'
import { placeOf, type Argument } from '../../lib/cli/arguments.js'

/** Something that is wrong with the configuration, where it is. */
export interface Problem {
  readonly file: string
  /** From 1 on; null if it is about the whole file. */
  readonly line: number | null
  /** A warning keeps no daemon from its work. */
  readonly severity: 'error' | 'warning'
  readonly message: string
}

/** `FILE:LINE: message`, as editors and compilers have it. */
export function problemText ({ file, line, severity, message }: Problem): string {
  return `${file}${line === null ? '' : `:${line}`}: ${severity === 'warning' ? 'warning: ' : ''}${message}`
}

/** By file and line, each once. */
export function sorted (problems: readonly Problem[]): Problem[] {
  const once = new Map(problems.map(problem => [problemText(problem), problem]))
  return [...once.values()].sort((a, b) => a.file === b.file ? (a.line ?? 0) - (b.line ?? 0) : a.file < b.file ? -1 : 1)
}

/** What `look` throws as a `ConfigError`, at the place of the argument that it is about, or else about the whole file. */
export async function problemsIn (file: string, args: readonly Argument[], look: () => Promise<unknown>): Promise<Problem[]> {
  try {
    await look()
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return [problemAt(placeOf(error, args) ?? { file, line: null }, error.message)]
  }
}

export function problemAt ({ file, line }: Place | { readonly file: string, readonly line: null }, message: string, severity: Problem['severity'] = 'error'): Problem {
  return { file, line, severity, message }
}
