import { defineCommand } from '../../lib/cli/command.js'
import { allOthers, effectiveOf, type Effective } from '../../lib/registry/effective.js'
import type { Registry } from '../../lib/registry/registry.js'

export const show = defineCommand({
  name: 'registry show',
  summary: 'Shows what holds for schemas, defaults included.',
  examples: [
    ['vanadium registry show NavigationTiming', 'one schema'],
    ['vanadium registry show', 'all that have an entry, and what holds for all others: *'],
    ['vanadium registry show --json | jq \'.[] | select(.entry["sampling.rate"] != "1")\'', 'for a program: those that are sampled']
  ],
  light: true,
  options: {
    schema: { type: 'string', array: true, default: [] as string[], requiresArg: true, description: 'Names of schemas, which need no entry; "--schema" before them can be left out' },
    json: { type: 'boolean', default: false, description: 'A JSON array with an object for each' }
  },
  operands: { option: 'schema', usage: '[SCHEMA…]' },
  defaults: { 'log-level': 'warn' },
  prepare ({ schema, json }) {
    return async ({ registry }) => {
      const shown = (schema.length > 0 ? schema : [...registry.names, allOthers]).map(name => ({ schema: name, hasEntry: registry.names.includes(name), entry: effectiveOf(registry, name) }))
      process.stdout.write(json ? `${JSON.stringify(shown, null, 2)}\n` : shown.map(textOf).join('\n'))
      warnOf(registry)
      await Promise.resolve()
    }
  }
})

function textOf ({ schema, hasEntry, entry }: { readonly schema: string, readonly hasEntry: boolean, readonly entry: Effective }): string {
  const title = schema === allOthers ? `${schema} (all that have no entry)` : hasEntry ? schema : `${schema} (no entry)`
  const lines = Object.entries(entry).filter(([, value]) => value !== null).map(([key, value]) => `  ${key.padEnd(20)}${value}`)
  return [title, ...lines, ''].join('\n')
}

function warnOf ({ expired }: Registry): void {
  for (const text of expired) process.stderr.write(`${text}\n`)
}
