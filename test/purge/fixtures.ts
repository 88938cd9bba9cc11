import type { BigIntStats } from 'node:fs'
import { rulesInForce, type RulesInForce } from '../../lib/purge/rules.js'
import type { FileMemory } from '../../lib/purge/files.js'
import { readRegistry } from '../../lib/registry/registry.js'

export const dayMs = 86_400_000

/** Of a registry as it is written down. */
export function rulesOf (registry: object, nowMs: number): RulesInForce {
  return rulesInForce(readRegistry(JSON.stringify(registry), 'registry.yaml'), nowMs)
}

export const noMemory: FileMemory = { isClean: () => false, note: () => {} }

export function rememberingAll (): FileMemory {
  const known = new Map<string, number>()
  const keyOf = ({ dev, ino, size, mtimeNs }: BigIntStats): string => [dev, ino, size, mtimeNs].join(':')
  return {
    isClean: (file, nowMs) => nowMs <= (known.get(keyOf(file)) ?? -Infinity),
    note (file, untilMs) { known.set(keyOf(file), untilMs) }
  }
}

export async function collect<T> (items: AsyncIterable<T>): Promise<T[]> {
  const all = []
  for await (const item of items) all.push(item)
  return all
}
