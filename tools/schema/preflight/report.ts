import { ConfigError } from '../../../lib/errors.js'
import { capsuleName } from '../../../lib/event/schema-repository.js'
import type { SchemaEntry } from '../../../lib/registry/entry.js'
import { mysqlDialect } from '../../../lib/sql/ddl.js'
import { harmless } from '../../terminal/text.js'
import { bytesText, durationText, numberText, tableText } from '../../text.js'
import { growthOf, tableOf, viewLines } from '../tables.js'
import type { FailureGroup, Sightings } from './sightings.js'
import { purgeOf } from './storage.js'
import { predecessorOf, publishedOther, share, type Good, type Outlook } from './verdict.js'

/** Fields that fail, and revisions, that are printed. */
const mostShown = 10
/** A shorter time says little about a day. */
const shortSeconds = 3600

/** What is to be expected, for the owner of the schema. */
export function reportOf (outlook: Outlook, entry: SchemaEntry, findings: readonly string[]): string {
  const { proposed: { name, revision, source }, known } = outlook
  const published = known.length === 0 ? 'nothing of that name is published' : `published: ${known.map(schema => schema.revision).join(', ')}`
  return [
    `${name}/${revision}, as ${source} has it; ${published}`,
    ...outlook.refused === null ? [...events(outlook), ...table(outlook), ...storage(outlook, entry), ...purge(outlook, entry)] : [],
    ...findings.length === 0 ? verdictOf(outlook) : ['', 'It would break something:', ...findings.map(finding => `- ${finding}`)]
  ].map(line => `${line}\n`).join('')
}

function verdictOf (outlook: Outlook): string[] {
  const isSeen = outlook.refused === null && outlook.sightings.seen > 0
  return ['', isSeen ? 'It can be published: nothing that flows today would break.' : 'It can be published; but no event of it was seen, so nothing is known of who sends it.']
}

function events ({ sightings, proposed }: Good): string[] {
  const { read, filtered, outOfRange, others, seen, unnamed, passes, changed, failures, revisions, spanSeconds } = sightings
  const left = [[others, 'of other schemas'], [filtered, 'dropped by the filter of the live processor'], [outOfRange, 'of another time']] as const
  const named = [...revisions].sort(([, a], [, b]) => b - a).slice(0, mostShown).map(([revision, count]) => `${revision} (${numberText(count)})`)
  return [
    '', 'Events',
    `  ${numberText(read)} records were read${spanSeconds > 0 ? `, of ${durationText(spanSeconds * 1000)}` : ''}; ${left.filter(([count]) => count > 0).map(([count, what]) => `${numberText(count)} are ${what}`).join(', ') || 'none was left out'}`,
    `  ${numberText(seen)} are of ${proposed.name === capsuleName ? 'all schemas' : proposed.name}${named.length === 0 ? '' : `; revisions that they name: ${named.join(', ')}`}`,
    ...seen === 0
      ? []
      : [
      `  ${share(passes.proposed, seen).padStart(7)} would pass (${numberText(passes.proposed)})`,
      `  ${share(passes.today, seen).padStart(7)} pass today  (${numberText(passes.today)}); ${numberText(changed.broken)} of them would fail, ${numberText(changed.mended)} that fail would pass`
        ],
    ...groups('What would fail', failures.proposed.sorted()),
    ...groups('What fails today', failures.today.sorted()),
    ...unnamed === 0 ? [] : [`  ${numberText(unnamed)} do not say of which schema they are (${share(unnamed, sightings.looked)} of all)`, ...groups('What they lack', sightings.unnamedBecause.sorted())]
  ]
}

function groups (title: string, all: readonly FailureGroup[]): string[] {
  if (all.length === 0) return []
  const rows = all.slice(0, mostShown).map(({ count, pointer, expected, seen }) => [numberText(count), pointer === '' ? 'the whole line' : pointer, expected, seen].map(harmless))
  const [sample] = all.map(group => group.sample).filter(text => text !== '')
  return [
    '', `  ${title}:`,
    ...tableText(['count', 'field', 'expected', 'seen'], rows, ['count']).trimEnd().split('\n').map(line => `    ${line}`),
    ...all.length > mostShown ? [`    … and ${all.length - mostShown} more`] : [],
    ...sample === undefined ? [] : ['    One of them, without personal fields:', `    ${harmless(sample)}`]
  ]
}

function table (outlook: Good): string[] {
  const { table: plan, proposed: { name } } = outlook
  if (plan === null) return []
  const before = predecessorOf(outlook)
  const old = before === null ? null : tableOf(before)
  const lines = ['', `Table ${plan.name}`]
  if (old === null || old instanceof ConfigError) return [...lines, ...statementsOf(mysqlDialect.create(plan))]
  if (publishedOther(outlook) !== null) {
    const { missing, statements } = growthOf(old, plan)
    return [...lines, ...missing.length === 0
      ? ['  it is there already, and gains no column']
      : [`  it is there already, if events of it have come, and would gain ${missing.map(column => column.name).join(', ')}:`, ...statementsOf(statements)], ...viewLines(name, old, plan)]
  }
  return [...lines, ...statementsOf(mysqlDialect.create(plan)), ...viewLines(name, old, plan)]
}

function statementsOf (statements: readonly string[]): string[] {
  return statements.flatMap(statement => `${statement};`.split('\n').map(line => `    ${line}`))
}

function storage ({ sightings, bytesOfRow }: Good, { sampling, volume }: SchemaEntry): string[] {
  const perDay = rowsADay(sightings)
  if (perDay === null || bytesOfRow === null) return volume === null ? [] : ['', `Rows a day: ${numberText(volume)} are expected by the registry`]
  const { spanSeconds } = sightings
  const text = (rows: number): string => `${numberText(Math.round(rows))} rows, ${bytesText(rows * bytesOfRow)} a day`
  return [
    '', 'Storage',
    `  ${text(perDay)} (about ${Math.round(bytesOfRow)} B a row, with its indexes)${spanSeconds < shortSeconds ? `; reckoned from ${durationText(spanSeconds * 1000)} only` : ''}`,
    ...sampling === null ? [] : [`  ${text(perDay * sampling.rate)} after sampling: ${share(sampling.rate, 1)} are kept${sampling.by === null ? '' : `, by ${sampling.by}`}`],
    ...volume === null ? [] : [`  the registry expects ${numberText(volume)} events a day`]
  ]
}

/** Null where no time says how many events there are in a day. */
function rowsADay ({ passes, spanSeconds }: Sightings): number | null {
  return passes.proposed === 0 || spanSeconds === 0 ? null : passes.proposed / spanSeconds * 86_400
}

function purge (outlook: Good, entry: SchemaEntry): string[] {
  const { table: plan, sightings, bytesOfRow } = outlook
  if (plan === null) return []
  const { days, isWhole, kept, changed, wiped, unknown } = purgeOf(plan, entry)
  const perDay = rowsADay(sightings)
  const whole = perDay === null || bytesOfRow === null ? '' : `; ${numberText(Math.round(perDay * (entry.sampling?.rate ?? 1) * days))} rows, ${bytesText(perDay * (entry.sampling?.rate ?? 1) * days * bytesOfRow)} until then`
  return [
    '', `Purge, ${numberText(days)} days after an event${whole}`,
    ...isWhole ? ['  its row is deleted: the registry keeps no field of it'] : [`  set to NULL: ${wiped.join(', ') || 'nothing'}`, `  kept: ${kept.join(', ')}`],
    ...changed.length === 0 ? [] : [`  kept, but changed: ${changed.join(', ')}`],
    ...entry.retention.aggregate === null ? [] : [`  counted before that into ${outlook.proposed.name}_daily`],
    ...entry.retention.longer === null ? [] : [`  ${numberText(days)} days because: ${entry.retention.longer.reason} (until ${entry.retention.longer.until})`],
    ...unknown.length === 0 ? [] : [`  the registry names fields that this revision does not have: ${unknown.join(', ')}`]
  ]
}
