import { ConfigError } from '../../lib/errors.js'
import { durationText, numberText } from '../text.js'
import { configOption, withoutLeftovers } from './leftovers.js'
import { defineCheck, type CheckContext } from './plug-in.js'
import { parseRange, type Range } from './range.js'
import { stateOf, worst, type Figure, type Result, type State } from './result.js'
import { stagesOf, trendOf, type Behind, type Stage, type Stages } from './stages.js'

export const lag = defineCheck({
  name: 'lag',
  summary: 'How far each reader of a journal is behind it, in seconds and records; names the slowest.',
  examples: [
    ['vanadium check lag', 'warning after 10 minutes, critical after 30'],
    ['vanadium check lag --only consumer-mysql -w 60 -c 300 --critical-records 1000000', 'one, closely'],
    ['vanadium check lag -v', 'a line for each']
  ],
  notes: '-w and -c are for seconds: how long the oldest record that a reader has not stored has been in the journal before it, so that\n' +
    'the slowest stage shows, and not those behind it. Readers that are down count, and those of subscribers= that never came. Of readers\n' +
    'whose publisher is on another host, what that has answered last. As another user: membership in the group of the daemons; SQLite\n' +
    'leaves what that user can read as long as the publisher runs.\n\n',
  options: {
    config: configOption,
    'warning-records': { type: 'string', requiresArg: true, description: 'Range of records that is worth a warning [default: none]' },
    'critical-records': { type: 'string', requiresArg: true, description: 'The same for an alarm [default: none]' },
    only: { type: 'string', array: true, default: [] as string[], requiresArg: true, description: 'Only these readers: mysql, or consumer-mysql [default: all]' }
  },
  ranges: { warning: '600', critical: '1800' },
  prepare ({ config, 'warning-records': warning, 'critical-records': critical, only }) {
    const records = {
      warning: warning === undefined ? undefined : parseRange('--warning-records', warning),
      critical: critical === undefined ? undefined : parseRange('--critical-records', critical)
    }

    return async ctx => await Promise.resolve(resultOf(wanted(stagesOf(ctx.stateDirectory), only), ctx, { ...records, config }))
  }
})

interface Limits {
  readonly config: string
  readonly warning: Range | undefined
  readonly critical: Range | undefined
}

function wanted (found: Stages, only: readonly string[]): Stages {
  for (const name of only) {
    if (found.stages.some(({ instance, label }) => [instance, label].includes(name))) continue
    const there = found.stages.map(({ label }) => label).join(', ')
    throw new ConfigError('bad-option', `--only ${name}: no reader is called so; there are ${there === '' ? 'none' : there}`)
  }
  return only.length === 0 ? found : { ...found, stages: found.stages.filter(({ instance, label }) => only.includes(instance) || only.includes(label)) }
}

interface Judged {
  readonly stage: Stage
  readonly records: number
  readonly seconds: number
  readonly state: State
}

function judged (stage: Stage, { warning, critical }: CheckContext, limits: Pick<Limits, 'warning' | 'critical'>): Judged {
  const records = stage.behind.reduce((sum, behind) => sum + behind.records, 0)
  const seconds = Math.max(0, ...stage.behind.map(behind => behind.seconds))
  return { stage, records, seconds, state: worst([stateOf(seconds, warning, critical), stateOf(records, limits.warning, limits.critical)]) }
}

function resultOf ({ stages, unreadable, hasJournals }: Stages, ctx: CheckContext, { config, ...limits }: Limits): Result {
  const found = stages.map(stage => judged(stage, ctx, limits)).sort((a, b) => b.seconds - a.seconds || b.records - a.records)
  // whoever only reads is known to the publisher too
  const { missing: allMissing, leftovers } = withoutLeftovers(unreadable, ctx.stateDirectory, config)
  const missing = allMissing.filter(({ instance }) => !/^(consumer|monitor)-/.test(instance))
  const state = worst([...found.map(one => one.state), ...(missing.length > 0 || found.length === 0 ? ['unknown' as const] : [])])
  const shown = ctx.verbose ? found : found.filter(one => one.state !== 'ok')
  return {
    state,
    summary: summaryOf(found.filter(one => one.state === state), found, { state, missing: missing.map(({ instance }) => instance), hasJournals }),
    details: [
      ...shown.map(detailOf),
      ...(ctx.verbose ? allMissing : missing).map(({ instance, reason }) => `${instance} cannot be read: ${reason}`),
      ...(ctx.verbose ? leftovers : [])
    ],
    figures: found.flatMap(({ stage: { label }, seconds, records }): Figure[] => [
      { label: `${label}.lag`, value: seconds, unit: 's', warning: ctx.warning, critical: ctx.critical, min: 0 },
      { label: `${label}.records`, value: records, ...limits, min: 0 }
    ])
  }
}

interface Whole {
  readonly state: State
  readonly missing: readonly string[]
  readonly hasJournals: boolean
}

function summaryOf (worstOnes: readonly Judged[], all: readonly Judged[], { state, missing, hasJournals }: Whole): string {
  const [slowest] = all
  if (state === 'unknown') {
    if (missing.length > 0) return `${missing.join(', ')} cannot be read: run this as the user of the daemons`
    return hasJournals ? 'nobody reads a journal here' : 'no daemon here publishes or reads a journal'
  }
  if (state === 'ok' || worstOnes[0] === undefined) return slowest === undefined || slowest.records === 0 ? `nobody is behind, of ${all.length}` : `slowest of ${all.length}: ${behindText(slowest)}`
  return `${behindText(worstOnes[0])}${worstOnes.length > 1 ? `; ${worstOnes.length - 1} more` : ''}`
}

/** `consumer mysql is 12 min behind, 34,567 records: down` */
function behindText ({ stage, seconds, records }: Judged): string {
  const why = whyOf(stage)[0]
  return `${stage.name} is ${durationText(seconds * 1000)} behind, ${numberText(records)} records${why === undefined ? '' : `: ${why}`}`
}

/** The most telling first. */
function whyOf (stage: Stage): string[] {
  const trend = trendOf(stage)
  return [
    ...(stage.up === false ? ['down'] : []),
    ...(stage.up === null ? ['never seen here'] : []),
    ...(stage.waiting === null ? [] : ['waits for its store']),
    ...(trend === null || stage.up !== true ? [] : 'inSeconds' in trend ? [`there in ${durationText(trend.inSeconds * 1000)}`] : ['falling behind'])
  ]
}

function detailOf (one: Judged): string {
  const { stage } = one
  const { waiting, lastError } = stage
  const now = Date.now()
  const streams = stage.behind.filter(({ records }) => records > 0 || stage.behind.length === 1).map(streamText)
  return [
    `${stage.name}: ${streams.length === 0 ? 'not behind' : streams.join(', ')}`,
    ...whyOf(stage).filter(why => why !== 'waits for its store'),
    ...(waiting === null ? [] : [`waits for ${waiting.store} since ${durationText(now - waiting.sinceMs)}: ${waiting.reason}`]),
    ...(lastError === null ? [] : [`last error ${durationText(now - lastError.atMs)} ago: ${lastError.message}`])
  ].join('; ')
}

function streamText ({ journal, publisher, records, seconds }: Behind): string {
  return `${numberText(records)} records, ${durationText(seconds * 1000)} behind ${publisher === null ? 'what a publisher on another host has' : `${journal} of ${publisher}`}`
}
