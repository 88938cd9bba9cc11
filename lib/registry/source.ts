import { isAlias, isMap, isPair, isScalar, isSeq, visit, type Alias, type Document, type Node, type Pair, type YAMLMap } from 'yaml'
import { parseYaml, valueOf } from '../yaml.js'
import type { Path, Problem } from './problem.js'

/** A file of a registry that is good YAML, whatever it says. */
export interface Source {
  readonly file: string
  /** What it says; a name at its top with nothing below it, because that is commented out, is as good as absent. */
  readonly value: unknown
  /** Where something is: of a key its own line. Of what is not there, that of what is nearest above it. */
  lineOf (path: Path): number
}

/** Bytes of one file. */
const largestFile = 1 << 20

export function readSource (file: string, text: string): Source | Problem[] {
  if (text.length > largestFile) return [{ file, line: null, text: `the file has ${text.length} characters, at most ${largestFile} are read; put a part of it into another one in registry.d` }]
  const yaml = parseYaml(text)
  const { document, lines } = yaml
  const lineAt = (offset = 0): number => lines.linePos(offset).line
  const mistakes = [
    // behind a colon is the text itself, which may have a password in it
    ...yaml.errors.map(({ message, offset }) => ({ file, line: lineAt(offset), text: `${message.replace(/(?:: ?"|; please use YAML).*$/s, '')} (column ${lines.linePos(offset).col}); give YAML` })),
    ...(yaml.errors.length > 0 ? [] : aliasesOfNothing(document)).map(alias => ({ file, line: lineAt(alias.range?.[0]), text: `*${alias.source} stands for nothing; write &${alias.source} before what it is to stand for, above it, or write that out` }))
  ]
  if (mistakes.length > 0) return mistakes
  const offsetOf = createFinder(document)
  return { file, value: withoutNulls(valueOf(yaml) ?? {}), lineOf: path => lineAt(offsetOf(path)) }
}

function aliasesOfNothing (document: Document): Alias[] {
  const anchors = new Set<string>()
  const found: Alias[] = []
  visit(document, {
    Value: (_key, { anchor }) => { if (anchor !== undefined) anchors.add(anchor) },
    Alias: (_key, alias) => { if (!anchors.has(alias.source)) found.push(alias) }
  })
  return found
}

/** Finds where in the text something is: in time that does not depend on how much there is. */
function createFinder (document: Document): (path: Path) => number | undefined {
  const pairs = new Map<YAMLMap, ReadonlyMap<string, Pair>>()
  const targets = new Map<Alias, unknown>()

  function targetOf (alias: Alias): unknown {
    if (!targets.has(alias)) targets.set(alias, alias.resolve(document))
    return targets.get(alias)
  }

  function pairOf (map: YAMLMap, name: string): Pair | undefined {
    let byName = pairs.get(map)
    if (byName === undefined) pairs.set(map, byName = new Map(map.items.flatMap(pair => isScalar(pair.key) ? [[String(pair.key.value), pair] as const] : [])))
    return byName.get(name)
  }

  return path => {
    let node: unknown = document.contents
    let offset = (node as Node | null)?.range?.[0]
    for (const name of path) {
      if (isAlias(node)) node = targetOf(node)
      const next: unknown = isMap(node) ? pairOf(node, name) : isSeq(node) ? node.items[Number(name)] : undefined
      if (next === undefined) break
      const start = (isPair(next) ? next.key : next) as Node
      offset = start.range?.[0] ?? offset
      node = isPair(next) ? next.value : next
    }
    return offset
  }
}

function withoutNulls (value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).filter(([, below]) => below !== null))
}
