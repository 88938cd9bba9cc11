import { numberText, printableLines, tableText } from '../../text.js'
import { countOf } from '../../../lib/backup/sums.js'
import { findingText, type Finding } from '../verify/finding.js'
import type { DumpedTable } from './source.js'
import type { Restored } from './table.js'

/** As it is printed with `--json`. */
export interface RestoreOutcome {
  /** `done`: everything was restored and compared, whatever was found. */
  readonly outcome: 'done' | 'failed' | 'stopped'
  /** The place whose backups were restored. */
  readonly from: string
  readonly done: Restored
  readonly findings: ReadonlyArray<Finding & { /** For people. */ readonly text: string }>
  readonly failures: readonly string[]
}

interface Told {
  readonly isStopped: boolean
  readonly from: string
  readonly done: Restored
  readonly findings: readonly Finding[]
  readonly failures: readonly string[]
}

export function restoreOutcome ({ isStopped, from, done, findings, failures }: Told): RestoreOutcome {
  return {
    outcome: isStopped ? 'stopped' : failures.length > 0 ? 'failed' : 'done',
    from,
    done,
    findings: findings.map(found => ({ ...found, text: findingText(found) })),
    failures
  }
}

export function restoreText ({ outcome, from, done, findings, failures }: RestoreOutcome): string {
  return printableLines([
    ...findings.map(({ text }) => text),
    ...outcome === 'stopped' ? ['Stopped; the same command goes on.'] : failures.map(failure => `Not done: ${failure}; the same command goes on.`),
    `From ${from}: ${numberText(done.rows)} rows of ${numberText(done.days)} days of ${numberText(done.tables)} tables.`,
    ...outcome !== 'done' ? [] : [findings.length > 0 ? 'What was restored is NOT all that was backed up.' : 'What was restored is what was backed up, row by row.']
  ])
}

/** Of `--dry-run`. */
export function plannedText (tables: readonly DumpedTable[], from: string): string {
  const rows = tables.map(({ table, dumps }) => [
    table,
    numberText(dumps.length),
    numberText(dumps.reduce((sum, { hours }) => sum + countOf(hours), 0)),
    dumps[0]?.source.day ?? '',
    dumps.findLast(({ source: { day } }) => /^\d/.test(day))?.source.day ?? ''
  ])
  return printableLines([`Would be restored from ${from}:`, ...tableText(['table', 'days', 'rows', 'first', 'last'], rows, ['days', 'rows']).trimEnd().split('\n')])
}
