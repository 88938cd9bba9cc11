import type { InferredOptionTypes, Options } from 'yargs'
import { ConfigError } from '../../lib/errors.js'
import type { GraphiteClient, Series, Window } from '../../lib/graphite/client.js'
import type { Registry } from '../../lib/registry/registry.js'
import { metricName } from './graphite/names.js'
import { checkGraphite, checkPercent, graphiteOptions, openGraphite, percentOption } from './graphite/options.js'
import { inWords, judge, measured } from './graphite/points.js'
import { resultOf, type Finding } from './findings.js'
import { defineCheck, type CheckContext } from './plug-in.js'
import { above, below, parseRange, type Range } from './range.js'
import type { Result } from './result.js'

const options = {
  schema: { type: 'string', array: true, default: [] as string[], requiresArg: true, description: 'Only these [default: all that have limits in the registry]' },
  ...graphiteOptions,
  from: { type: 'string', default: '-15min', requiresArg: true, description: 'Start of the window, as Graphite takes it' },
  until: { type: 'string', default: 'now', requiresArg: true, description: 'End of the window' },
  ...percentOption
} as const satisfies Record<string, Options>

type SchemasOptions = InferredOptionTypes<typeof options>

/** A schema that has limits, of events a second. */
interface Limited {
  readonly name: string
  readonly metric: string
  readonly warning: Range
  readonly critical: Range
  /** There is a least rate: no events at all are an alert. */
  readonly isExpected: boolean
}

/** Of one question to Graphite. */
const mostTargets = 200

export const schemas = defineCheck({
  name: 'schemas',
  summary: 'Compares the rate of each schema\'s valid events with its limits in the registry (thresholds: over, under).',
  examples: [
    ['vanadium check schemas', 'all schemas that have limits, over the last 15 minutes'],
    ['vanadium check schemas --schema NavigationTiming --percent 15 -v', 'one, when 15 % of the points are beyond its limit'],
    ['vanadium check schemas --from -25min --until -10min', 'another window']
  ],
  notes: 'The worst schema decides and is named. One that has a least rate and no data has the state of --no-data; one that has only a\n' +
    'highest rate may have none, as long as another has.\n',
  options,
  prepare (own, { prefix }, { warning, critical }) {
    checkGraphite(own)
    checkPercent(own)
    if (warning !== undefined || critical !== undefined) throw new ConfigError('bad-option', '--warning and --critical mean nothing here: limits are in the registry; for one metric there is vanadium check graphite')
    return async ctx => await check(own, prefix, ctx)
  }
})

async function check (own: SchemasOptions, prefix: string, ctx: CheckContext): Promise<Result> {
  const limited = limitedSchemas(ctx.registry, own.schema, prefix)
  if (limited.length === 0) return { state: 'ok', summary: 'no schema has limits of its rate in the registry' }
  const series = await seriesOf(limited.map(({ metric }) => metric), openGraphite(own, ctx), { from: own.from, until: own.until })
  const found = limited.map(schema => findingOf(schema, series.get(schema.metric), own))
  const isNothing = found.every(({ figure }) => figure === undefined)
  // a StatsD that does not send is no reason to say that nothing is too much
  const findings = isNothing ? found.map(finding => ({ ...finding, state: own['no-data'] })) : found
  return resultOf(findings, { allWell: `${findings.length} schema${findings.length === 1 ? ' is' : 's are'} within ${findings.length === 1 ? 'its' : 'their'} limits`, verbose: ctx.verbose })
}

/** Throws `ConfigError` for one that was asked for and has none. */
function limitedSchemas (registry: Registry, only: readonly string[], prefix: string): Limited[] {
  const names = only.length > 0 ? only : registry.names
  return names.flatMap(name => {
    const { over, under } = registry.find(name).thresholds
    if (over === undefined && under === undefined) {
      if (only.length === 0) return []
      throw new ConfigError('bad-option', `--schema ${name}: it has no limits in the registry; give it thresholds over or under there`)
    }
    const range = (level: 'warning' | 'critical'): Range => rangeOf(name, under?.[level], over?.[level])
    return [{ name, metric: `${prefix}.schema.${metricName(name)}.rate`, warning: range('warning'), critical: range('critical'), isExpected: under !== undefined }]
  })
}

function rangeOf (name: string, least: number | undefined, most: number | undefined): Range {
  if (least === undefined) return above(most ?? Infinity)
  if (most === undefined) return below(least)
  if (least > most) throw new ConfigError('bad-registry', `thresholds of ${name}: no rate is above ${least} and below ${most}; give under less than over`)
  return parseRange(`thresholds of ${name}`, `${least}:${most}`)
}

async function seriesOf (metrics: readonly string[], client: GraphiteClient, window: Window): Promise<Map<string, Series>> {
  const found = new Map<string, Series>()
  for (let at = 0; at < metrics.length; at += mostTargets) {
    for (const one of await client.series(metrics.slice(at, at + mostTargets), window)) found.set(one.target, one)
  }
  return found
}

function findingOf ({ name, warning, critical, isExpected }: Limited, series: Series | undefined, { percent, 'no-data': noData }: SchemasOptions): Finding {
  const found = series === undefined ? null : measured(series)
  if (found === null) return { name, state: isExpected ? noData : 'ok', text: 'no data', weight: 0 }
  const judgement = judge(found, warning, critical, percent)
  return { name, state: judgement.state, text: inWords(judgement, found, '/s'), weight: judgement.beyond / found.values.length, figure: { label: name, value: judgement.value, warning, critical, min: 0 } }
}
