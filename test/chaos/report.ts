import type { Outcome, Progress } from './run.js'

export function progressLine (seconds: number, { counts, kills, down }: Progress): string {
  const { sent, mysql, sqlite, file } = counts
  const killed = [...kills.values()].reduce((total, n) => total + n, 0)
  return `${seconds} s: ${sent} lines sent, ${mysql} rows in MariaDB, ${sqlite} in SQLite, ${file} lines in the file; ${killed} kills; ` +
    (down.size === 0 ? 'all are up' : `down: ${[...down].join(', ')}`)
}

/** Numbers that are shown of those that are wrong. */
const mostShown = 10

/** The books, who was killed how often, and all that is wrong. */
export function resultText ({ sent, verdicts, kills, problems, directory }: Outcome): string {
  const rows = [...verdicts].map(([name, { arrived, missing, repeated, disordered }]) =>
    [name, sent, arrived, missing.length, repeated.length, disordered.length])
  const books = table([['sink', 'sent', 'rows, lines', 'missing', 'repeated', 'out of order'], ...rows])
  const victims = table([['killed', ...kills.keys()], ['times', ...kills.values()]])
  const wrong = [...verdicts].flatMap(([name, { missing, repeated, disordered }]) =>
    Object.entries({ missing, repeated, 'out of order': disordered })
      .filter(([, numbers]) => numbers.length > 0)
      .map(([what, numbers]) => `${name}: ${what}: events ${numbers.slice(0, mostShown).join(', ')}${numbers.length > mostShown ? ' …' : ''}`))
  return [books, '', victims, '', ...wrong, ...problems, directory === null ? 'good' : `FAILED; logs, state and sinks are in ${directory}`].join('\n')
}

function table (rows: ReadonlyArray<ReadonlyArray<string | number>>): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map(row => String(row[column]).length))) ?? []
  return rows.map(row => row.map((cell, column) => column === 0 ? String(cell).padEnd(widths[0] ?? 0) : String(cell).padStart(widths[column] ?? 0)).join('  ')).join('\n')
}
