import { defineCommand } from '../../lib/cli/command.js'
import { isRefused, type SchemaRepository } from '../../lib/event/schemas.js'
import { tableText } from '../text.js'

export const rates = defineCommand({
  name: 'sampling rates',
  summary: 'Lists the schemas of which the registry keeps only a share of the events.',
  examples: [
    ['vanadium sampling rates', 'those of the installed registry'],
    ['vanadium sampling rates --registry ./registry.yaml', 'those of a registry that is to be installed']
  ],
  notes: 'A row stands for as many events as its weight says, as long as the rate was what it is now; each row has its own rate in samplingRate.\n\n',
  options: {},
  defaults: { 'log-level': 'warn' },
  prepare () {
    return async ({ registry, schemas }) => {
      const rows = registry.names.flatMap(name => {
        const { sampling, people } = registry.find(name)
        if (sampling === null || sampling.rate === 1) return []
        const weight = hasMetadata(name, schemas) ? 'none: its events have no samplingRate' : sampling.rate === 0 ? '–' : String(Number((1 / sampling.rate).toPrecision(6)))
        return [[name, String(sampling.rate), sampling.by ?? 'each event', weight, people.map(({ mail }) => mail).join(', ')]]
      })
      process.stdout.write(rows.length === 0 ? 'all events of all schemas are kept\n' : tableText(['schema', 'rate', 'by', 'weight', 'owners'], rows, ['rate']))
    }
  }
})

/** Whether its events carry `meta`, in which there is no place for a rate. */
function hasMetadata (name: string, schemas: SchemaRepository): boolean {
  return schemas.list().some(schema => schema.name === name && !isRefused(schema) && schema.style === 'meta')
}
