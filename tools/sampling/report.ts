import { bytesText, numberText, tableText } from '../text.js'
import type { Proposal, Simulation, Volume } from './simulation.js'

/** Of the normal distribution: 95 % are within so many standard errors. */
const quantile = 1.96
const shares = [0.01, 0.1, 0.5]
const valuesOfEach = 5
const mostRows = 40
/** Below this many, what is kept is not distributed normally, and intervals are too narrow. */
const fewestTokens = 30

export function reportText (schema: string, { rate, by, inForce }: Proposal, found: Simulation): string {
  const { tokens, designEffect, total, error } = found
  const isSingle = by === null || by === 'uuid'
  return [
    `${schema} at a rate of ${rate}, ${isSingle ? 'each event by itself' : `by ${by}`}: from ${numberText(found.read)} events\n`,
    inForce === 1 ? '' : `The registry has a rate of ${inForce} in force: what it dropped is estimated.\n`,
    Math.abs(total - found.all.events) > 1e-6 * total ? `Their senders have sampled, too: they stand for ${numberText(Math.round(total))} events.\n` : '',
    `\n${volumes(found, by, rate, isSingle)}`,
    `\nThe number of all events can be told to ${plusMinus(error / total)} (95 %).`,
    isSingle ? '\n' : ` That is as if each event were sampled by itself at ${text(rateLike(rate, designEffect))}:\nwhat is kept together says less than its number (design effect ${designEffect.toFixed(2)}).\n`,
    tokens.kept < fewestTokens ? `Of ${isSingle ? 'events' : by} fewer than ${fewestTokens} are kept: nothing can be told from so few, whatever stands here.\n` : '',
    `\n${shareTable(found, isSingle)}${valueTable(found)}`
  ].join('')
}

/** The rate that has the same error without clusters: (1 - rate) / rate is the variance of each. */
function rateLike (rate: number, designEffect: number): number {
  return rate / (rate + designEffect * (1 - rate))
}

function volumes (found: Simulation, by: string | null, rate: number, isSingle: boolean): string {
  const { all, kept, tokens } = found
  const row = (title: string, of: (volume: Volume) => number, write: (value: number) => string = count): string[] => [title, write(of(all)), write(of(kept))]
  return tableText(['', 'all', `at ${rate}`], [
    row('events', ({ events }) => events),
    row('in the busiest day', ({ hours }) => largest(days(hours))),
    row('in the busiest hour', ({ hours }) => largest(hours)),
    row('bytes, as JSON', ({ bytes }) => bytes, value => bytesText(Math.round(value))),
    ...(isSingle ? [] : [[`values of ${by}`, count(tokens.all), count(tokens.kept)]])
  ], ['all', `at ${rate}`])
}

function days (hours: ReadonlyMap<number, number>): Map<number, number> {
  const days = new Map<number, number>()
  for (const [hour, events] of hours) days.set(Math.floor(hour / 24), (days.get(Math.floor(hour / 24)) ?? 0) + events)
  return days
}

function largest (counts: ReadonlyMap<number, number>): number {
  return Math.max(0, ...counts.values())
}

function shareTable (found: Simulation, isSingle: boolean): string {
  const rows = shares.map(share => {
    const { apart, whole } = found.shareErrors(share)
    return [percent(share), interval(share, apart), ...(isSingle ? [] : [interval(share, whole)])]
  })
  return tableText(['a share of', 'is told as (95 %)', ...(isSingle ? [] : ['or, if all that is kept together has it'])], rows, ['a share of'])
}

function valueTable (found: Simulation): string {
  const values = found.values(valuesOfEach)
  if (values.length === 0) return ''
  const rows = values.slice(0, mostRows).map(({ field, value, total, share, countError, shareError }) =>
    [field, value, count(total), plusMinus(countError / total), interval(share, shareError)])
  const more = values.length > mostRows ? `and ${values.length - mostRows} more\n` : ''
  return `\n${tableText(['field', 'value', 'events', 'error (95 %)', 'share is told as (95 %)'], rows, ['events', 'error (95 %)'])}${more}`
}

function count (value: number): string {
  return numberText(Math.round(value))
}

function plusMinus (relative: number): string {
  return `± ${percent(quantile * relative)}`
}

function interval (share: number, error: number): string {
  return `${percent(Math.max(0, share - quantile * error))} to ${percent(Math.min(1, share + quantile * error))}`
}

/** Three digits: no estimate has more. */
function percent (share: number): string {
  return `${text(100 * share)} %`
}

function text (value: number): string {
  return value >= 1000 ? count(value) : String(Number(value.toPrecision(3)))
}
