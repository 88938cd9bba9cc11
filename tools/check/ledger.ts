import { setTimeout as sleep } from 'node:timers/promises'
import { parseTime } from '../../lib/cli/times.js'
import { messageOf } from '../../lib/errors.js'
import type { Fate } from '../../lib/stream/ledger.js'
import { imbalances, nameOf, type Imbalance } from '../ledger/balance.js'
import { openShelf, type Books } from '../ledger/books.js'
import { numberText } from '../text.js'
import { configOption, withoutLeftovers } from './leftovers.js'
import { defineCheck, type CheckContext } from './plug-in.js'
import { parseRange } from './range.js'
import { stateOf, worst, type Result } from './result.js'

/** The states are not read at the very same moment: what seems to be missing is looked at again, so often, after so many milliseconds. */
const looks = 3
const pauseMs = 1500
/** Lines of one kind in the details. */
const mostLines = 20

export const ledger = defineCheck({
  name: 'ledger',
  summary: 'Whether the books of this host\'s daemons balance: critical if records are missing or lost, a warning for dead letters.',
  examples: [
    ['vanadium check ledger', 'of the last two hours'],
    ['vanadium check ledger --from -1d --warning-dead-letters 100', 'of the last day; some dead letters are no news']
  ],
  notes: 'Records that wait in a journal for a reader that is behind, or down, are accounted for: nothing is missing. -w and -c are for records that\n' +
    'are missing, came too often, or are lost, together. As another user: membership in the group of the daemons; the books of a daemon that\n' +
    'was stopped only its own user can read.\n\n',
  options: {
    config: configOption,
    from: { type: 'string', default: '-2h', requiresArg: true, description: 'First minute: a time in UTC, or one before now' },
    'warning-dead-letters': { type: 'string', default: '0', requiresArg: true, description: 'Range of dead letters that is worth a warning' },
    'critical-dead-letters': { type: 'string', requiresArg: true, description: 'The same for an alarm [default: none]' }
  },
  ranges: { critical: '0' },
  prepare ({ config, from, 'warning-dead-letters': warning, 'critical-dead-letters': critical }) {
    const letters = { warning: parseRange('--warning-dead-letters', warning), critical: critical === undefined ? undefined : parseRange('--critical-dead-letters', critical) }
    // what is no time must show at once
    parseTime('--from', from, 0)

    return async ctx => {
      const account = await accountOf(ctx, parseTime('--from', from, Date.now() / 1000) * 1000)
      return resultOf(account, ctx, { ...letters, config })
    }
  }
})

/** Of one kind, at one place, summed up. */
interface Sum {
  readonly where: string
  readonly records: number
}

interface Account {
  readonly taken: number
  readonly missing: readonly Sum[]
  readonly tooMany: readonly Sum[]
  readonly lost: readonly Sum[]
  readonly letters: readonly Sum[]
  readonly unreadable: ReadonlyArray<{ readonly instance: string, readonly reason: string }>
}

/** What does not balance at any look: what was only on its way is somewhere else at the next. */
async function accountOf ({ stateDirectory, stop }: CheckContext, fromMs: number): Promise<Account> {
  let before: ReadonlySet<string> | null = null
  for (let look = 1; ; look++) {
    const unreadable: Array<{ instance: string, reason: string }> = []
    const { books, close } = openShelf(stateDirectory, fromMs, Number.MAX_SAFE_INTEGER, ({ instance, error }) => { unreadable.push({ instance, reason: messageOf(error) }) })
    try {
      const found: Imbalance[] = imbalances(books).filter(one => before === null || before.has(keyOf(one)))
      if (found.length === 0 || look === looks || stop.aborted) return { ...summed(books, found), unreadable }
      before = new Set(found.map(keyOf))
    } finally {
      close()
    }
    await sleep(pauseMs, undefined, { signal: stop }).catch(() => {})
  }
}

function keyOf ({ minute, schema, where, in: given, out }: Imbalance): string {
  return [minute, schema, where, given > out].join(' ')
}

function summed (books: readonly Books[], found: readonly Imbalance[]): Omit<Account, 'unreadable'> {
  const ofFate = (fate: Fate): Sum[] => sums(books.flatMap(one => one.entries
    .filter(entry => entry.fate === fate)
    .map(({ stream, schema, count }) => ({ where: `${nameOf(one)}, ${stream}${fate === 'dead_letter' ? `, ${schema}` : ''}`, records: count }))))
  return {
    taken: books.flatMap(({ entries }) => entries).reduce((sum, { side, fate, count }) => side === 'input' && fate === 'taken' ? sum + count : sum, 0),
    missing: sums(found.filter(entry => entry.in > entry.out).map(entry => ({ where: entry.where, records: entry.in - entry.out }))),
    tooMany: sums(found.filter(entry => entry.out > entry.in).map(entry => ({ where: entry.where, records: entry.out - entry.in }))),
    lost: ofFate('lost'),
    letters: ofFate('dead_letter')
  }
}

/** Most records first. */
function sums (all: readonly Sum[]): Sum[] {
  const found = new Map<string, number>()
  for (const { where, records } of all) found.set(where, (found.get(where) ?? 0) + records)
  return [...found].map(([where, records]) => ({ where, records })).sort((a, b) => b.records - a.records)
}

function totalOf (all: readonly Sum[]): number {
  return all.reduce((sum, { records }) => sum + records, 0)
}

function resultOf (account: Account, { warning, critical, verbose, stateDirectory }: CheckContext, { config, ...limits }: Pick<CheckContext, 'warning' | 'critical'> & { config: string }): Result {
  const { taken, missing, tooMany, lost, letters, unreadable } = account
  const { missing: closed, leftovers } = withoutLeftovers(unreadable, stateDirectory, config)
  const kinds = [
    { what: 'lost', sums: lost, label: 'lost' },
    { what: 'missing', sums: missing, label: 'missing' },
    { what: 'too many', sums: tooMany, label: 'too_many' }
  ]
  const wrong = totalOf(kinds.flatMap(kind => kind.sums))
  const ofBooks = stateOf(wrong, warning, critical)
  const ofLetters = stateOf(totalOf(letters), limits.warning, limits.critical)
  const state = worst([ofBooks, ofLetters, ...(closed.length > 0 ? ['unknown' as const] : [])])
  const all = [...kinds, { what: 'dead letters', sums: letters, label: 'dead_letters' }]
  const guilty = all.find(({ sums, label }) => sums.length > 0 && state === (label === 'dead_letters' ? ofLetters : ofBooks))
  return {
    state,
    summary: state === 'unknown'
      ? `${closed.map(({ instance }) => instance).join(', ')} cannot be read: run this as the user of the daemons`
      : state === 'ok' || guilty === undefined ? `the books balance: ${numberText(taken)} records taken` : guiltText(guilty),
    details: [
      ...closed.map(({ instance, reason }) => `${instance} cannot be read: ${reason}`),
      ...(verbose ? leftovers : []),
      ...all.flatMap(({ what, sums }) => sums.slice(0, verbose ? sums.length : mostLines).map(({ where, records }) => `${numberText(records)} ${what}: ${where}`))
    ],
    figures: [
      { label: 'taken', value: taken, min: 0 },
      { label: 'wrong', value: wrong, warning, critical, min: 0 },
      ...kinds.map(({ label, sums }) => ({ label, value: totalOf(sums), min: 0 })),
      { label: 'dead_letters', value: totalOf(letters), ...limits, min: 0 }
    ]
  }
}

/** `1,200 lost: consumer mysql, all-events; 2 more places` */
function guiltText ({ what, sums }: { what: string, sums: readonly Sum[] }): string {
  const others = sums.length - 1
  return `${numberText(totalOf(sums))} ${what}: ${sums[0]?.where ?? ''}${others > 0 ? `; ${others} more place${others === 1 ? '' : 's'}` : ''}`
}
