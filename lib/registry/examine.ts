import type { RegistryFiles } from './files.js'
import { placeOf, type Problem } from './problem.js'
import type { EntryInFile, RegistryInFile } from './registry-schema.js'
import { defaultDays, findingsAtTop, findingsOfEntry, findingsOfExpiry } from './rules.js'
import { findingsOfShape, type Finding } from './shape.js'
import type { Source } from './source.js'

/** What the files of a registry say. */
export interface Examined {
  /** What is good of it. */
  readonly value: RegistryInFile
  /** Files that were read, the registry's own first. */
  readonly files: readonly string[]
  readonly problems: readonly Problem[]
  /** End dates that have passed. */
  readonly expired: readonly Problem[]
}

/** Looks at everything, whatever is wrong with something else. */
export function examine ({ main, fragments, problems: unread }: RegistryFiles, nowMs: number): Examined {
  const sources = [...(main === null ? [] : [main]), ...fragments]
  const problems = new Map(sources.map(source => [source, new Problems(source)]))
  const parts = sources.map(source => partsOf(source, source === main ? 'registry' : 'fragment', problems.get(source)))
  const [top = {}] = main === null ? [] : parts
  const entries = collectEntries(sources.map((source, at) => ({ source, schemas: parts[at]?.schemas ?? {} })), problems)
  const days = top.retention?.days ?? defaultDays
  const today = new Date(nowMs).toISOString().slice(0, 10)
  const expired: Problem[] = []
  for (const [name, { entry, source }] of entries) {
    const path = ['schemas', name]
    const findings = findingsOfEntry(path, entry ?? {}, days)
    problems.get(source)?.add(findings)
    if (findings.length > 0) entries.delete(name)
    const passed = new Problems(source)
    passed.add(findingsOfExpiry(path, entry ?? {}, today))
    expired.push(...passed.sorted())
  }
  const schemas = Object.fromEntries([...entries].map(([name, { entry }]) => [name, entry]))
  return { value: { ...top, schemas }, files: sources.map(({ file }) => file), problems: [...unread, ...[...problems.values()].flatMap(found => found.sorted())], expired }
}

/** Those of one file. */
class Problems {
  readonly #source: Source
  readonly #texts = new Map<string, number>()

  constructor (source: Source) {
    this.#source = source
  }

  add (findings: readonly Finding[]): void {
    for (const { at, text } of findings) if (!this.#texts.has(text)) this.#texts.set(text, this.#source.lineOf(at))
  }

  sorted (): Problem[] {
    const { file } = this.#source
    return [...this.#texts].map(([text, line]) => ({ file, line, text })).sort((one, other) => one.line - other.line)
  }
}

/** What is good at the top of a file by itself, and what of its schemas has the right shape. */
function partsOf ({ value }: Source, kind: 'registry' | 'fragment', problems?: Problems): RegistryInFile {
  const shape = findingsOfShape(value, kind)
  const shaped = without(value, shape)
  const top = findingsAtTop(shaped)
  problems?.add([...shape, ...top])
  return without(shaped, top)
}

/** Leaves out the names at the top under which something is wrong, but of schemas only those entries. */
function without (value: unknown, findings: readonly Finding[]): RegistryInFile {
  if (findings.some(({ at }) => at.length === 0)) return {}
  const bad = new Set(findings.map(({ at: [name] }) => name))
  // undefined: all of them
  const badSchemas = new Set(findings.filter(({ at: [name] }) => name === 'schemas').map(({ at: [, name] }) => name))
  const { schemas, ...top } = value as RegistryInFile
  return {
    ...Object.fromEntries(Object.entries(top).filter(([name]) => !bad.has(name))),
    ...(schemas !== undefined && !badSchemas.has(undefined) ? { schemas: Object.fromEntries(Object.entries(schemas).filter(([name]) => !badSchemas.has(name))) } : {})
  }
}

interface Entry {
  readonly entry: EntryInFile | null
  readonly source: Source
}

/** A schema has one place: whoever owns a file need not look into the others. */
function collectEntries (parts: ReadonlyArray<{ readonly source: Source, readonly schemas: Record<string, EntryInFile | null> }>, problems: ReadonlyMap<Source, Problems>): Map<string, Entry> {
  const entries = new Map<string, Entry>()
  for (const { source, schemas } of parts) {
    for (const [name, entry] of Object.entries(schemas)) {
      const at = ['schemas', name]
      const first = entries.get(name)?.source
      if (first === undefined) entries.set(name, { entry, source })
      else problems.get(source)?.add([{ at, text: `${placeOf(at)}: ${first.file}:${first.lineOf(at)} has it, too; leave it in one of them` }])
    }
  }
  return entries
}
