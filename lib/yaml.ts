import { isAlias, isCollection, isMap, isNode, isPair, isScalar, LineCounter, parseDocument, type Alias, type Document, type Node, type Scalar, type YAMLMap, type YAMLSeq } from 'yaml'

export interface YamlText {
  readonly document: Document
  readonly lines: LineCounter
  /** What is wrong with it, as far as it is told; nothing if it is good. */
  readonly errors: readonly YamlMistake[]
}

export interface YamlMistake {
  readonly message: string
  /** Where in the text. */
  readonly offset: number
}

/** Aliases in a text: each is looked for in the whole of it. */
const mostAliases = 500
/** Values that aliases stand for, those of aliases in them counted each time: a few lines can become gigabytes. */
const mostCopied = 100_000
const tooDeep = 'this nests too deep'
/** Brackets that are open at a time. */
const mostOpen = 300
/** Indicators of maps and lists in a line, with no comma or bracket between them. */
const mostIndicators = 200
/** Mistakes that are told. */
const mostErrors = 100

/**
 * Reads YAML 1.2 in time that is linear in the text, whoever wrote it: the library by itself compares every key with every other, and
 * spends most of its time on what errors look like. Never throws.
 */
export function parseYaml (text: string): YamlText {
  const lines = new LineCounter()
  const deep = tooDeepAt(text)
  if (deep !== null) {
    for (const { index } of text.slice(0, deep).matchAll(/^/gm)) lines.addNewLine(index)
    return { document: parseDocument(''), lines, errors: [{ message: tooDeep, offset: deep }] }
  }
  const { stackTraceLimit } = Error
  // a text can have a mistake in every character, and nobody looks at where in the library it was found
  Error.stackTraceLimit = 0
  try {
    // the schema is named so that no directive or tag brings back `<<` and what else YAML 1.1 had
    const document = parseDocument(text, { prettyErrors: false, lineCounter: lines, uniqueKeys: false, logLevel: 'error', schema: 'core', resolveKnownTags: false })
    const errors = document.errors.slice(0, mostErrors).map(({ code, message, pos: [offset] }) => ({ message: code === 'RESOURCE_EXHAUSTION' ? tooDeep : message, offset }))
    return { document, lines, errors: errors.length > 0 ? errors : mistakesIn(document) }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return { document: parseDocument(''), lines, errors: [{ message: tooDeep, offset: 0 }] }
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

/** Where brackets, or indicators in a line, nest deeper than anything that people write; counted roughly, as both may stand in text. */
function tooDeepAt (text: string): number | null {
  let [open, indicators, since] = [0, 0, 0]
  for (const { 0: found, index } of text.matchAll(/[[{]|[\]}]|[,\n]|[-?:] /g)) {
    if (found.length === 1) indicators = 0
    else if (++indicators === 1) since = index
    if (found === '[' || found === '{') open++
    else if (found === ']' || found === '}') open = Math.max(0, open - 1)
    if (open > mostOpen) return index
    if (indicators > mostIndicators) return since
  }
  return null
}

/** The value of what has no mistakes. Throws, of any class, for an alias of nothing. */
export function valueOf ({ document }: YamlText): unknown {
  // the library's own count takes time that is quadratic in the text, and passes over what is empty
  return document.toJS({ maxAliasCount: -1 }) as unknown
}

/** What the library does not find, or not in linear time. */
function mistakesIn (document: Document): YamlMistake[] {
  const errors: YamlMistake[] = []
  const add = (message: string, { range }: Node): void => { if (errors.length < mostErrors) errors.push({ message, offset: range?.[0] ?? 0 }) }
  const anchors = new Map<string, Node>()
  /** Values in what has an anchor; null as long as it is being looked at. */
  const sizes = new Map<Node, number | null>()
  let [aliases, copied] = [0, 0]

  function sizeOfAlias (alias: Alias): number {
    if (++aliases === mostAliases + 1) add(`there are more than ${mostAliases} aliases`, alias)
    const target = anchors.get(alias.source)
    const size = target === undefined ? 0 : sizes.get(target) ?? null
    if (size === null) add(`*${alias.source} stands for something that it is in`, alias)
    const before = copied
    copied += size ?? 0
    if (before <= mostCopied && copied > mostCopied) add(`aliases stand for more than ${mostCopied} values`, alias)
    return size ?? 0
  }

  function checkKeys (map: YAMLMap): void {
    const keys = new Set<unknown>()
    for (const { key } of map.items) {
      // the name of any other would be its YAML, and so on for keys in keys
      if (!isScalar(key)) add('a key must be text, and not a list, a map or an alias', isNode(key) ? key : map)
      else if (keys.has(key.value)) add('Map keys must be unique', key)
      else keys.add(key.value)
    }
  }

  function sizeOfNode (node: Scalar | YAMLMap | YAMLSeq): number {
    if (node.anchor !== undefined) {
      anchors.set(node.anchor, node)
      sizes.set(node, null)
    }
    if (isMap(node)) checkKeys(node)
    let size = 1
    if (isCollection(node)) for (const item of node.items) size += sizeOf(item)
    if (node.anchor !== undefined) sizes.set(node, size)
    return size
  }

  function sizeOf (part: unknown): number {
    if (isAlias(part)) return sizeOfAlias(part)
    if (isPair(part)) return sizeOf(part.key) + sizeOf(part.value)
    return isScalar(part) || isCollection(part) ? sizeOfNode(part) : 1
  }

  sizeOf(document.contents)
  return errors
}
