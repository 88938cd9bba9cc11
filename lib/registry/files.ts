import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { codeOf, messageOf } from '../errors.js'
import { exposedPassword } from './passwords.js'
import type { Problem } from './problem.js'
import { readSource, type Source } from './source.js'

export const defaultRegistryFile = '/etc/vanadium/registry.yaml'

/** The files of a registry, as far as they can be read. */
export interface RegistryFiles {
  readonly main: Source | null
  /** By name. */
  readonly fragments: readonly Source[]
  readonly problems: readonly Problem[]
}

/** Where fragments of a registry are: beside `registry.yaml` in `registry.d`. */
export function fragmentDirectory (file: string): string {
  return `${file.replace(/\.ya?ml$/, '')}.d`
}

/** `drafts` are read in place of files, which need not be there. Without a path: that which is installed, which may be missing. */
export function readFiles (path?: string, drafts: Drafts = new Map(), installed = defaultRegistryFile): RegistryFiles {
  const file = path ?? installed
  const listed = listFragments(fragmentDirectory(file), drafts)
  const problems = [...listed.problems]
  function read (name: string, isOptional = false): Source[] {
    const text = readText(name, drafts)
    if (typeof text !== 'string') {
      if (isOptional && codeOf(text) === 'ENOENT') return []
      problems.push({ file: name, line: null, text: `the registry cannot be read: ${messageOf(text)}; give a file as etc/vanadium/registry.yaml` })
      return []
    }
    const source = readSource(name, text)
    if (Array.isArray(source)) {
      problems.push(...source)
      return []
    }
    problems.push(...exposedPassword(source))
    return [source]
  }
  const [main = null] = read(file, path === undefined)
  return { main, fragments: listed.names.flatMap(name => read(name)), problems }
}

/** Texts by the paths of their files. */
export type Drafts = ReadonlyMap<string, string>

/** Names that begin with a dot are those that editors keep for themselves. */
function listFragments (directory: string, texts: Drafts): { names: string[], problems: Problem[] } {
  const isFragment = (name: string): boolean => /^[^.].*\.ya?ml$/.test(name)
  const drafts = [...texts.keys()].filter(file => file.startsWith(`${directory}/`))
  try {
    const there = readdirSync(directory).filter(isFragment).map(name => join(directory, name))
    return { names: [...new Set([...there, ...drafts])].sort(), problems: [] }
  } catch (error) {
    const problems = codeOf(error) === 'ENOENT' ? [] : [{ file: directory, line: null, text: `cannot be read: ${messageOf(error)}; let it be a directory that this user can read` }]
    return { names: drafts, problems }
  }
}

/** The text, or why there is none. */
function readText (file: string, drafts: Drafts): unknown {
  try {
    return drafts.get(file) ?? readFileSync(file, 'utf8')
  } catch (error) {
    return error
  }
}
