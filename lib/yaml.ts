import { isNode, isScalar, LineCounter, parseDocument, visit, type Document, type Node, type Scalar, type YAMLMap, type YAMLSeq } from 'yaml'

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
/** Uses of one anchor, and what uses in uses multiply to: a few lines can become gigabytes. */
const mostUses = 100
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
    const document = parseDocument(text, { prettyErrors: false, lineCounter: lines, uniqueKeys: false, logLevel: 'error' })
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

/** The value. Throws, of any class, when aliases would make it too large. */
export function valueOf ({ document }: YamlText): unknown {
  return document.toJS({ maxAliasCount: mostUses }) as unknown
}

function mistakesIn (document: Document): YamlMistake[] {
  const errors: YamlMistake[] = []
  const anchors = new Map<string, Node>()
  let aliases = 0
  const note = (_key: unknown, node: YAMLMap | YAMLSeq | Scalar): void => { if (node.anchor !== undefined) anchors.set(node.anchor, node) }
  const add = (message: string, { range }: Node): void => { errors.push({ message, offset: range?.[0] ?? 0 }) }
  visit(document, {
    Scalar: note,
    Seq: note,
    Map (key, map) {
      note(key, map)
      const keys = new Set<unknown>()
      for (const { key } of map.items) {
        if (!isScalar(key)) {
          // its name would be its YAML, and so on for keys in keys
          add('a key must be text, and not a list, a map or an alias', isNode(key) ? key : map)
          continue
        }
        if (keys.has(key.value)) add('Map keys must be unique', key)
        keys.add(key.value)
      }
    },
    Alias (_key, alias, path) {
      if (++aliases === mostAliases + 1) add(`there are more than ${mostAliases} aliases`, alias)
      if (path.includes(anchors.get(alias.source) as Node)) add(`*${alias.source} stands for something that it is in`, alias)
    }
  })
  return errors.slice(0, mostErrors)
}
