import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { defineCommand } from '../../lib/cli/command.js'
import { ConfigError, messageOf, StreamError } from '../../lib/errors.js'
import type { Capsule } from '../../lib/event/capsule.js'
import { parsed } from '../../lib/event/composition.js'
import { identifyEvent } from '../../lib/event/identity.js'
import { recordsOf } from '../../lib/stream/batch.js'
import type { Context } from '../../lib/stream/contracts.js'
import { createProgress, numberText } from '../text.js'
import { reportText } from './report.js'
import { Simulation } from './simulation.js'

/** Where the consumer `all-events-log` writes, and `/etc/logrotate.d/vanadium` puts aside what is a day old. */
const logDirectory = '/var/log/vanadium'

export const simulate = defineCommand({
  name: 'sampling simulate',
  summary: 'Runs events of a schema through a proposed rate: what would be kept of them, and how well counts could still be told.',
  examples: [
    ['vanadium sampling simulate --schema NavigationTiming --rate 0.1', 'yesterday\'s events, as the shipped layout keeps them'],
    ['vanadium sampling simulate --schema Edit --rate 0.05 --by event.editingSessionId /var/log/vanadium/all-events.log-2014052*', 'several days, sessions whole'],
    ['vanadium sampling simulate --schema Edit --rate 0.05 --by uuid edits.json.gz', 'each event by itself, whatever the registry says']
  ],
  notes: 'Events that were sampled already are weighted by the samplingRate in them; what of that is the registry\'s is told by the rate that it has now.\n' +
    'Errors are of counts of events that the processor got; 95 % of such estimates are within them. docs/schema-owners.md says how to choose.\n\n',
  options: {
    schema: { type: 'string', demandOption: true, requiresArg: true, description: 'Name of the schema; all its revisions' },
    rate: { type: 'number', demandOption: true, requiresArg: true, description: 'Share of the events that is kept, above 0 and at most 1' },
    by: { type: 'string', requiresArg: true, description: 'Field that decides, as event.sessionToken; uuid: each event by itself [default: what the registry says, or uuid]' },
    file: { type: 'string', array: true, default: [] as string[], requiresArg: true, description: 'JSON logs of events, plain or .gz; "--file" before them can be left out [default: the newest /var/log/vanadium/all-events.log-*]' }
  },
  operands: { option: 'file', usage: '[FILE…]' },
  defaults: { 'log-level': 'warn' },
  prepare ({ schema, rate, by, file }) {
    if (!(rate > 0 && rate <= 1)) throw new ConfigError('bad-option', `--rate ${rate}: give a share above 0 and at most 1, as 0.1 for one event in ten`)
    if (by !== undefined && !/^[^\s.]+(\.[^\s.]+)*$/.test(by)) throw new ConfigError('bad-option', `--by "${by}": give a field of an event with its capsule, as wiki or event.sessionToken`)

    return async ctx => {
      const { sampling } = ctx.registry.find(schema)
      const inForce = sampling === null || sampling.rate === 0 ? 1 : sampling.rate
      const proposal = { rate, by: by ?? sampling?.by ?? null, inForce }
      const simulation = new Simulation(proposal)
      await readEvents(file.length > 0 ? file : [yesterdays(logDirectory)], schema, simulation, ctx)
      process.stdout.write(reportText(schema, proposal, simulation))
    }
  }
})

/** The newest file that was rotated away. Throws `ConfigError` if there is none. */
export function yesterdays (directory: string): string {
  const advice = 'name files of events, as the consumer all-events-log writes them'
  let names
  try {
    names = readdirSync(directory)
  } catch (cause) {
    throw new ConfigError('bad-option', `no file is named, and ${directory} cannot be read: ${messageOf(cause)}; ${advice}`, { cause })
  }
  const newest = names.filter(name => /^all-events\.log-\d{8}(?:\.gz)?$/.test(name)).sort().at(-1)
  if (newest === undefined) throw new ConfigError('bad-option', `no file is named, and there is no all-events.log-YYYYMMDD in ${directory}; ${advice}`)
  return join(directory, newest)
}

/** Throws `ConfigError` when the files have no such event. */
async function readEvents (files: readonly string[], schema: string, simulation: Simulation, ctx: Context): Promise<void> {
  const progress = createProgress()
  let records = 0
  for (const file of new Set(files.map(file => resolve(file)))) {
    const reader = await ctx.openReader(`file://${file.split('/').map(encodeURIComponent).join('/')}`)
    for await (const batch of reader) {
      const bytes = recordsOf(batch)
      for (const [at, line] of batch.lines().entries()) {
        // parsing is most of the work
        const event = line.includes(schema) ? parsed(line) : {}
        if (identifyEvent(event)?.name === schema) simulation.add(event as Capsule, bytes[at]?.length ?? 0)
      }
      records += batch.count
      progress.show(`${file}: ${numberText(records)} records read, ${numberText(simulation.read)} of ${schema}`)
    }
    await reader.close()
    if (ctx.stop.aborted) throw new StreamError('stopped', 'stopped before all files were read')
  }
  progress.end()
  if (simulation.read === 0) throw new ConfigError('bad-option', `--schema ${schema}: of ${numberText(records)} records none is an event of it; name files that have some`)
}
