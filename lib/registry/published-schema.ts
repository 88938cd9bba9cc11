import { registrySchema } from './registry-schema.js'
import { allowedBy, type Definition } from './shape.js'

/** The JSON Schema of a registry and of its fragments as editors and other programs take it. */
export function publishedSchema (): object {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Registry of vanadium',
    description: 'What is known of schemas besides their shape, and whom to tell what. vanadium registry check finds more than this schema does.',
    ...plain(registrySchema) as object
  }
}

/** Without the keyword that only we know; what it says stands where people look. */
function plain (node: unknown): unknown {
  if (Array.isArray(node)) return node.map(plain)
  if (typeof node !== 'object' || node === null) return node
  const { allowed, ...rest } = node as Record<string, unknown>
  const said = typeof allowed === 'string' && rest['description'] === undefined ? { description: `${allowed.charAt(0).toUpperCase()}${allowed.slice(1)}.` } : {}
  return { ...Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, plain(value)])), ...said }
}

interface Node extends Definition {
  readonly properties?: Readonly<Record<string, Node>>
  readonly additionalProperties?: Node | boolean
  readonly items?: Node
}

/** Every key, for the documentation, in Markdown. */
export function keyTable (): string {
  const rows = rowsOf(registrySchema, '')
  return ['| key | value | |', '| --- | --- | --- |', ...rows.map(cells => `| ${cells.map(cell => cell.replaceAll('|', '\\|').replaceAll('<', '&lt;')).join(' | ')} |`), ''].join('\n')
}

function rowsOf ({ properties = {} }: Node, prefix: string): string[][] {
  return Object.entries(properties).flatMap(([name, node]) => {
    const key = `${prefix}${name}`
    if (name === 'schemas' && typeof node.additionalProperties === 'object') return [[`\`${key}\``, '', node.description ?? ''], ...rowsOf(node.additionalProperties, `${key}/NAME/`)]
    const isSaid = key.endsWith('NAME/thresholds')
    const below = isSaid ? [] : rowsOf(node, `${key}/`)
    return [[`\`${key}\``, below.length > 0 || isSaid ? '' : valueOf(node), node.description ?? ''], ...below]
  })
}

function valueOf (node: Node): string {
  if (node.items !== undefined) return `list: ${allowedBy(node.items.else ?? node.items)}${node.items.then === undefined ? '' : ', or `name:` and `mail:`'}`
  if (typeof node.additionalProperties === 'object') return `by field: ${allowedBy(node.additionalProperties.else ?? node.additionalProperties)}`
  return allowedBy(node)
}
