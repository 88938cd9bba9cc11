import type { Anonymisation, FieldPath, Retention } from '../registry/entry.js'

/** What becomes of a field, and of those below it that have no node of their own; null: it goes. */
export interface FieldNode {
  readonly how: 'keep' | Anonymisation | null
  readonly below: ReadonlyMap<string, FieldNode>
}

/** What tells that there was an event, of which schema and when, and for how many it stands: it says nothing about a person, and rows and lines need it. */
export const alwaysKept: readonly FieldPath[] = ['schema', 'revision', 'uuid', 'timestamp', 'dt', 'samplingRate', 'meta.schema_uri', 'meta.id', 'meta.dt']

interface Growing {
  how: FieldNode['how']
  readonly below: Map<string, Growing>
}

/** The fields of a policy, for events whose time is over. Of addresses and user agents it says nothing: they go, whatever it says. */
export function fieldTree ({ keep, anonymise }: Retention): FieldNode {
  const root: Growing = { how: null, below: new Map() }
  // so that it stays a capsule, though an empty one
  nodeAt(root, 'event')
  for (const path of keep) nodeAt(root, path).how = 'keep'
  for (const [path, how] of anonymise) nodeAt(root, path).how = how
  for (const path of alwaysKept) nodeAt(root, path).how = 'keep'
  return root
}

function nodeAt (root: Growing, path: FieldPath): Growing {
  return path.split('.').reduce((node, name) => {
    const below = node.below.get(name) ?? { how: null, below: new Map<string, Growing>() }
    node.below.set(name, below)
    return below
  }, root)
}
