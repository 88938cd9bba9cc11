import type { InferredOptionTypes, Options } from 'yargs'
import { ConfigError } from '../../lib/errors.js'
import type { GraphiteClient, Series } from '../../lib/graphite/client.js'
import { findChanges } from './graphite/anomaly.js'
import { findLimits } from './graphite/limits.js'
import { checkGraphite, checkPercent, graphiteOptions, openGraphite, percentOption } from './graphite/options.js'
import { resultOf, type Finding } from './findings.js'
import { defineCheck, type CheckContext } from './plug-in.js'
import { parseRange, type Range } from './range.js'

const options = {
  metric: { type: 'string', array: true, demandOption: true, requiresArg: true, description: 'Metrics, patterns or expressions, as Graphite\'s render API takes them as target' },
  ...graphiteOptions,
  from: { type: 'string', requiresArg: true, description: 'Start of the window, as Graphite takes it [default: -15min; with --anomaly -1h]' },
  until: { type: 'string', default: 'now', requiresArg: true, description: 'End of the window' },
  over: { type: 'boolean', default: false, description: '-w and -c are numbers, and above them is an alert' },
  under: { type: 'boolean', default: false, description: '-w and -c are numbers, and below them is an alert' },
  ...percentOption,
  anomaly: { type: 'boolean', default: false, description: 'Look at the change, in percent, of the window\'s average against that of a week before' },
  minimum: { type: 'number', default: 0, requiresArg: true, description: 'With --anomaly: averages below this, now and then, are too small to compare' }
} as const satisfies Record<string, Options>

type GraphiteOptions = InferredOptionTypes<typeof options>

export const graphite = defineCheck({
  name: 'graphite',
  summary: 'Compares metrics of Graphite with limits, or with what they were a week before.',
  examples: [
    ['vanadium check graphite eventlogging.overall.raw.rate --over -w 200 -c 350 --percent 15', 'more than 200 or 350 events a second, in 15 % of the last 15 minutes'],
    ['vanadium check graphite \'movingAverage(eventlogging.overall.inserted.rate,"10min")\' --under -w 100 -c 10 --from -25min --until -10min', 'what reached MySQL'],
    ['vanadium check graphite \'diffSeries(eventlogging.overall.raw.rate,eventlogging.overall.{valid,sampled,opted_out}.rate)\' -w @20:30 -c ~:30', 'ranges'],
    ['vanadium check graphite \'eventlogging.schema.*.rate\' --anomaly -w=-50:100 -c=-90:400 --minimum 0.5', 'half or twice of what the same hour had last week; the worst is named']
  ],
  notes: 'Points that are null are left out; the last ones may not be there yet. A metric has no data when none is\n' +
    'left, or when most are null; of a pattern, series without data count only if all are such. The worst series\n' +
    'decides and is named. With --anomaly, a metric that has no data of a week before is new: that is said, and\n' +
    'is no alert.\n',
  options,
  operands: { option: 'metric', usage: 'METRIC…' },
  readRange,
  prepare (own, _common, { warning, critical }) {
    checkGraphite(own)
    checkPercent(own)
    if (warning === undefined && critical === undefined) throw new ConfigError('bad-option', 'neither --warning nor --critical is given; give one or both')
    checkOrder(own, warning, critical)
    return async ctx => await check(own, ctx)
  }
})

/** As the original's check took them: bare numbers mean what `--over` or `--under` says. */
function readRange (option: string, text: string, { over, under }: GraphiteOptions): Range {
  if (over && under) throw new ConfigError('bad-option', '--over and --under are both given; give one, or ranges: 10:20 is outside 10 to 20')
  if (!over && !under) return parseRange(option, text)
  if (/^-?\d+(\.\d+)?$/.test(text)) return parseRange(option, over ? `~:${text}` : `${text}:`)
  throw new ConfigError('bad-option', `${option} "${text}": with ${over ? '--over' : '--under'} give a number, or leave ${over ? '--over' : '--under'} out and give a range`)
}

/** An alarm that comes before its warning is a slip of the pen. */
function checkOrder ({ over, under }: GraphiteOptions, warning: Range | undefined, critical: Range | undefined): void {
  if (warning === undefined || critical === undefined || (!over && !under)) return
  const [first, second] = [warning, critical].map(({ text }) => Number(text.replace(/~|:/g, '')))
  if (first === undefined || second === undefined || (over ? second >= first : second <= first)) return
  throw new ConfigError('bad-option', `--critical ${second} comes before --warning ${first}; give ${over ? 'at least' : 'at most'} ${first}`)
}

async function check (own: GraphiteOptions, ctx: CheckContext): Promise<ReturnType<typeof resultOf>> {
  const client = openGraphite(own, ctx)
  const found = await Promise.all(own.metric.map(async metric => await findingsOf(metric, client, own, ctx)))
  const findings = found.flat()
  const withoutData = findings.filter(({ figure }) => figure === undefined).length
  const allWell = findings.length === 1 ? {} : { allWell: `${findings.length - withoutData} series are within their limits${withoutData > 0 ? `, ${withoutData} without data` : ''}` }
  return resultOf(findings, { ...allWell, verbose: ctx.verbose })
}

/** Of one metric or pattern. */
async function findingsOf (metric: string, client: GraphiteClient, own: GraphiteOptions, { warning, critical }: CheckContext): Promise<Finding[]> {
  const window = { from: own.from ?? (own.anomaly ? '-1h' : '-15min'), until: own.until }
  const series: Series[] = await client.series([metric], window)
  const findings = own.anomaly
    ? await findChanges(metric, series, client, { warning, critical, minimum: own.minimum })
    : findLimits(series, { warning, critical, percent: own.percent })
  if (findings.some(({ figure }) => figure !== undefined)) return findings
  const text = series.length === 0 ? 'Graphite has no such metric' : 'no data'
  return [{ name: metric, state: own['no-data'], text, weight: 0 }]
}
