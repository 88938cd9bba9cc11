import { eventErrorSchema } from '../../lib/event/event-error.js'
import { capsuleName } from '../../lib/event/schema-repository.js'
import { metricName } from '../../lib/event/tally.js'
import type { Registry } from '../../lib/registry/registry.js'
import { overviewGraphs, schemaGraph, schemaGraphs, type Dashboard } from './targets.js'

/** Every file and page of ours begins so. */
export const namePrefix = 'vanadium-'

/** Events have others: event errors are counted for the schema at fault. */
const without: readonly string[] = [capsuleName, eventErrorSchema.name]

/** One of all, one of each owner, one of each schema, in this order; the same for the same registry and schemas. */
export function dashboardsOf (registry: Registry, schemas: readonly string[], prefix: string): Dashboard[] {
  // two names that metrics do not tell apart are one
  const all = [...schemas, ...registry.names].filter(name => !without.includes(name)).sort(compare)
  const names = [...new Map(all.map(name => [metricName(name), name])).values()].sort(compare)
  const owners = ownersOf(registry)
  const fileNames = new Set<string>()
  return [
    { name: `${namePrefix}overview`, title: 'vanadium: overview', graphs: overviewGraphs(prefix) },
    ...[...owners].sort(([a], [b]) => compare(a, b)).map(([owner, owned]) => ({
      name: unusedName(fileNames, `${namePrefix}owner-${metricName(owner)}`),
      title: `vanadium: schemas of ${owner}`,
      graphs: owned.map(schema => schemaGraph(prefix, schema))
    })),
    ...names.map(schema => ({ name: `${namePrefix}schema-${metricName(schema)}`, title: `vanadium: ${schema}`, graphs: schemaGraphs(prefix, schema) }))
  ]
}

function ownersOf (registry: Registry): Map<string, string[]> {
  const owned = new Map<string, string[]>()
  for (const schema of registry.names) {
    for (const owner of new Set(registry.find(schema).owners)) owned.set(owner, [...owned.get(owner) ?? [], schema])
  }
  return owned
}

/** `a.b@c` and `a_b@c` are two people. */
function unusedName (used: Set<string>, wanted: string): string {
  let name = wanted
  for (let number = 2; used.has(name); number++) name = `${wanted}-${number}`
  used.add(name)
  return name
}

/** Not by the language of the host. */
function compare (a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
