import type { InferredOptionTypes, Options } from 'yargs'
import { ConfigError } from '../../lib/errors.js'
import { parseDuration } from '../../lib/stream/duration.js'
import { metricName } from './graphite/names.js'
import { checkGraphite, graphiteOptions, openGraphite } from './graphite/options.js'
import { resultOf, type Finding } from './findings.js'
import { countsOfGraphite, countsOfHost, type InvalidCount, type InvalidCounts } from './invalid/sources.js'
import { defineCheck, type CheckContext } from './plug-in.js'
import { above, type Range } from './range.js'
import { short, stateOf, type Result } from './result.js'

const sources = ['counts', 'graphite'] as const

const options = {
  window: { type: 'string', default: '15m', requiresArg: true, description: 'Time up to now that is looked at: 15m, 2h, 1d' },
  minimum: { type: 'number', default: 50, requiresArg: true, description: 'A share of fewer events says nothing' },
  source: { choices: sources, default: 'counts' as const, requiresArg: true, description: 'What the monitors of this host have counted (--state), or Graphite, which may know of several hosts' },
  ...graphiteOptions
} as const satisfies Record<string, Options>

type InvalidOptions = InferredOptionTypes<typeof options>

/** Events whose schema cannot be told; in the counts of a monitor, and in metrics. */
const unknownSchema = 'unknown'

export const invalid = defineCheck({
  name: 'invalid',
  summary: 'Compares the share of invalid events, by schema and overall, with the limits in the registry (thresholds: invalid).',
  examples: [
    ['vanadium check invalid', 'the last 15 minutes, by what the monitors of this host have counted'],
    ['vanadium check invalid -w 5 -c 20 --window 1h', 'the same limits, in percent, for all schemas'],
    ['vanadium check invalid --source graphite --graphite https://graphite.example.org', 'all hosts']
  ],
  notes: 'The schema with the most invalid events decides among equals and is named. "unknown" are events whose schema cannot be told,\n' +
    'as a share of all events; its limits, and those of "overall", are the thresholds at the top of the registry.\n',
  options,
  prepare (own, { prefix }) {
    checkGraphite(own)
    const windowMs = parseDuration(own.window)
    if (!(windowMs > 0)) throw new ConfigError('bad-option', `--window "${own.window}": give a time as 15m, 2h or 1d`)
    if (!(own.minimum >= 1)) throw new ConfigError('bad-option', `--minimum ${own.minimum}: give a number of events, at least 1`)
    return async ctx => {
      const counts = own.source === 'graphite'
        ? await countsOfGraphite(openGraphite(own, ctx), prefix, windowMs)
        : countsOfHost(ctx.stateDirectory, windowMs)
      const result = judge(counts, own, ctx)
      return counts.unreadable.length === 0 ? result : { ...result, details: [...result.details ?? [], ...counts.unreadable.map(why => `not counted: ${why}`)] }
    }
  }
})

function judge ({ schemas, failures }: InvalidCounts, own: InvalidOptions, ctx: CheckContext): Result {
  const valid = schemas.reduce((sum, count) => sum + count.valid, 0)
  const invalid = schemas.reduce((sum, count) => sum + count.invalid, 0)
  const total = valid + invalid
  if (total === 0) return { state: own['no-data'], summary: `no events were counted in ${own.window}` }
  const limits = limitsOf(ctx)
  const findings = schemas.map(count => findingOf(count, total, own.minimum, limits(count.schema)))
  // named only where no schema is to blame
  findings.push({ ...findingOf({ schema: 'overall', valid, invalid }, total, own.minimum, limits(null)), weight: -1 })
  const result = resultOf(findings, { allWell: `${short(invalid / total * 100)} % of ${Math.round(total)} events are invalid`, verbose: ctx.verbose })
  const [worst] = findings.filter(({ state }) => state === result.state).sort((a, b) => b.weight - a.weight)
  return worst === undefined || result.state === 'ok' ? result : { ...result, details: [...result.details ?? [], ...failures(worst.name)] }
}

interface Ranges {
  readonly warning: Range | undefined
  readonly critical: Range | undefined
}

/** In percent. Of a schema as metrics call it, or of all events together. */
function limitsOf ({ registry, warning, critical }: CheckContext): (schema: string | null) => Ranges {
  if (warning !== undefined || critical !== undefined) return () => ({ warning, critical })
  const names = new Map(registry.names.map(name => [metricName(name), name]))
  return schema => {
    // no schema is called so: it has what holds for all
    const { invalid } = registry.find(schema === null ? '' : names.get(schema) ?? schema).thresholds
    return invalid === undefined ? { warning, critical } : { warning: percent(invalid.warning), critical: percent(invalid.critical) }
  }
}

/** Without the dust of binary fractions. */
function percent (share: number): Range {
  return above(Number((share * 100).toPrecision(12)))
}

function findingOf ({ schema, valid, invalid }: InvalidCount, total: number, minimum: number, { warning, critical }: Ranges): Finding {
  const isUnknown = schema === unknownSchema
  // those that are unknown are all invalid
  const events = isUnknown ? total : valid + invalid
  const share = events === 0 ? 0 : invalid / events * 100
  const state = events < minimum ? 'ok' : stateOf(share, warning, critical)
  const range = state === 'critical' ? critical : state === 'warning' ? warning : undefined
  const text = `${short(share)} % ${isUnknown ? 'of all events' : 'invalid'}, ${Math.round(invalid)} of ${Math.round(events)}${range === undefined ? '' : `, ${range.words}`}`
  return { name: schema, state, text, weight: invalid, figure: { label: schema, value: share, unit: '%', warning, critical, min: 0, max: 100 } }
}
