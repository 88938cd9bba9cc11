import { defineCommand } from '../../lib/cli/command.js'
import { readHistory, type Change } from '../../lib/registry/history.js'
import { numberText, tableText } from '../text.js'

export const log = defineCommand({
  name: 'registry log',
  summary: 'Tells who changed what in the registry, and when: the newest last.',
  examples: [
    ['vanadium registry log', 'all that is recorded'],
    ['vanadium registry log NavigationTiming', 'of one schema, and of what holds for all others: *'],
    ['vanadium registry log --json | jq -c \'select(.key == "retention.days")\'', 'for a program, an object a line, values whole']
  ],
  notes: 'A change is of what holds for a schema, defaults included. Times are UTC: of vanadium registry edit, or of the monitor that found the\n' +
    'change, at its start or at SIGHUP; who made one that was found is not known. Kept are ten years, and 100,000 changes.\n\n',
  light: true,
  readsRegistry: true,
  options: {
    schema: { type: 'string', array: true, default: [] as string[], requiresArg: true, description: 'Names of schemas; "--schema" before them can be left out' },
    json: { type: 'boolean', default: false, description: 'JSON, an object a line' }
  },
  operands: { option: 'schema', usage: '[SCHEMA…]' },
  defaults: { 'log-level': 'warn' },
  prepare ({ schema, json }, _transports, { state }) {
    const wanted = new Set([...schema, ...(schema.length > 0 ? ['*'] : [])])
    return async () => {
      const history = readHistory(state)
      try {
        const changes = [...history?.changes() ?? []].filter(change => wanted.size === 0 || wanted.has(change.schema))
        process.stdout.write(json ? changes.map(jsonOf).join('') : textOf(changes, history?.sinceMs ?? null, state))
      } finally {
        history?.close()
      }
      await Promise.resolve()
    }
  }
})

function jsonOf ({ atMs, ...change }: Change): string {
  return `${JSON.stringify({ time: new Date(atMs).toISOString(), ...change })}\n`
}

function textOf (changes: readonly Change[], sinceMs: number | null, state: string): string {
  if (sinceMs === null) return `nothing is recorded in ${state} yet; a monitor begins with it at its start, or vanadium registry record\n`
  const since = `recorded since ${timeText(sinceMs)} UTC: ${numberText(changes.length)} change${changes.length === 1 ? '' : 's'}\n`
  return changes.length === 0 ? since : tableText(header, changes.map(rowOf), []) + since
}

const header = ['WHEN', 'WHO', 'SCHEMA', 'KEY', 'FROM', 'TO', 'WHY']
const mostShown = 50

function rowOf ({ atMs, who, schema, key, from, to, message }: Change): string[] {
  return [timeText(atMs), who, schema, key, from ?? '–', to ?? '–', message ?? ''].map(text => text.length > mostShown ? `${text.slice(0, mostShown - 1)}…` : text)
}

function timeText (ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ')
}
