import type { Counts, RunReport } from '../../lib/backup/report.js'
import { bytesText, numberText, tableText } from '../text.js'
import type { Tally } from './tally.js'

/** Names may have anything in them; here a line is a line. */
function plain (text: string): string {
  return text.replace(/\p{Cc}/gu, character => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

/** What a run would do. */
export function planText ({ steps, kept, failures, counts }: Tally, destinations: readonly string[]): string {
  const rows = steps.map(({ kind, action, path, rows, bytes }) => [action === 'remove' ? 'remove' : kind === 'tables' ? 'dump' : 'copy', plain(path), rows === 0 ? '' : numberText(rows), bytes === 0 ? '' : bytesText(bytes)])
  const table = rows.length === 0 ? '' : tableText(['action', 'path', 'rows', 'bytes'], rows, ['rows', 'bytes'])
  const unchanged = counts('tables').unchanged + counts('files').unchanged
  return `${table}${rows.length === 0 ? 'Nothing' : numberText(rows.length)} to do, ${numberText(unchanged)} unchanged; then it is sent to ${destinations.length === 0 ? 'no destination' : destinations.join(', ')}.\n` +
    kept.map(one => `Kept: ${keptText(one)}\n`).join('') + failures.map(failure => `Not looked at: ${plain(failure)}\n`).join('')
}

export function reportText (report: RunReport, path: string): string {
  return `Tables: ${countsText(report.tables, 'dumps', 'rows')}\nFiles: ${countsText(report.files, 'files', 'lines')}\n` +
    report.destinations.map(({ name, failure, files, seconds }) => failure === null ? `${name}: ${numberText(files)} files sent, ${seconds} s\n` : `${name}: NOT SENT: ${plain(failure)}\n`).join('') +
    report.kept.map(one => `Kept: ${keptText(one)}\n`).join('') + report.failures.map(failure => `Not done: ${plain(failure)}\n`).join('') +
    (report.outcome === 'stopped' ? 'Stopped; the same command goes on.\n' : '') + `Report: ${path}\n`
}

function countsText ({ made, unchanged, removed, rows, bytes }: Counts, what: string, of: string): string {
  return `${numberText(made)} ${what} made (${numberText(rows)} ${of}, ${bytesText(bytes)}), ${numberText(unchanged)} unchanged, ${numberText(removed)} removed`
}

/** One that is missing where it was. */
export function keptText ({ path, rows }: RunReport['kept'][number]): string {
  return `${plain(path)} has ${numberText(rows)} that are missing where they were, or are not as they were there, although they may stay`
}
