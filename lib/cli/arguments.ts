import { readFileSync, statSync } from 'node:fs'
import { ConfigError, messageOf } from '../errors.js'

/** Argument files may name others, so deep at most. */
const depthLimit = 8
/** Files that are read at most: those that name others many times multiply. */
const mostFiles = 1000
/** Bytes of a file. */
const longestFile = 1 << 20

/**
 * Replaces each `@path` by the arguments in that file: one a line; `#` at the start of a line begins a comment; of a line
 * that begins with `--option`, the option ends at the first white space and the rest is its value, spaces included. What follows
 * an option that is in `verbatim` is no file, though it begins with `@`. Throws `ConfigError` naming the file.
 */
export function expandArguments (args: readonly string[], verbatim: readonly string[] = []): string[] {
  let files = 0
  const expand = (args: readonly string[], depth: number): string[] => args.flatMap((arg, at) => {
    if (!arg.startsWith('@') || arg.length === 1 || verbatim.includes(args[at - 1] ?? '')) return [arg]
    if (depth === depthLimit) throw new ConfigError('bad-option', `${arg}: argument files name each other more than ${depthLimit} deep; take out the circle`)
    if (++files > mostFiles) throw new ConfigError('bad-option', `${arg}: more than ${mostFiles} argument files are named; name fewer`)
    return expand(argumentsIn(arg.slice(1)), depth + 1)
  })
  return expand(args, 0)
}

function argumentsIn (path: string): string[] {
  return read(path).split('\n').flatMap(line => {
    const text = line.trim()
    if (text === '' || text.startsWith('#')) return []
    const [, option, value] = /^(--[A-Za-z][\w-]*)\s+(.*)$/s.exec(text) ?? []
    return option === undefined || value === undefined ? [text] : [option, value]
  })
}

function read (path: string): string {
  try {
    const { size } = statSync(path)
    if (size > longestFile) throw new Error(`the file has ${size} bytes, at most ${longestFile} are read`)
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new ConfigError('bad-option', `@${path}: ${messageOf(cause)}; name an argument file that can be read`, { cause })
  }
}
