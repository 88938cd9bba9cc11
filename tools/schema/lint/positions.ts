import { isAlias, isMap, isScalar, isSeq, type Node } from 'yaml'
import { parseYaml } from '../../../lib/yaml.js'

export interface Place {
  /** From 1 on. */
  readonly line: number
  readonly column: number
}

/** Where JSON pointers lead in a text, JSON or YAML: to the name, or to the nearest that there is above it. */
export function positionsIn (text: string): (pointer: string) => Place {
  const { document, lines } = parseYaml(text)

  return pointer => {
    let at = 0
    let node: unknown = document.contents
    for (const part of pointer.split('/').slice(1)) {
      const name = part.replaceAll('~1', '/').replaceAll('~0', '~')
      if (isAlias(node)) node = node.resolve(document)
      const found = isMap(node) ? node.items.find(({ key }) => isScalar(key) && String(key.value) === name) : undefined
      const item = isSeq(node) ? node.items[Number(name)] : undefined
      if (found === undefined && item === undefined) break
      at = startOf(found === undefined ? item : found.key) ?? at
      node = found === undefined ? item : found.value
    }
    const { line, col } = lines.linePos(at)
    return { line, column: col }
  }
}

function startOf (node: unknown): number | undefined {
  return (node as Node | null)?.range?.[0]
}
