/** One row of the table. */
export interface Measurement {
  readonly what: string
  /** Records a second of what is measured, best of the rounds. */
  readonly rate: number
  /** Records a second of what it is compared with, best of the rounds, in the same run. */
  readonly reference: number
  readonly referenceIs: string
  /** The least ratio that is accepted; null if none is promised yet. */
  readonly floor: number | null
  readonly aim: number | null
}

/**
 * Runs both sides in turn, `rounds` times, and keeps the best of each: other work on the machine only ever makes a round
 * slower. Each side resolves with records a second.
 */
export async function compare (rounds: number, measured: () => Promise<number>, reference: () => Promise<number>): Promise<{ rate: number, reference: number }> {
  const best = { rate: 0, reference: 0 }
  for (let round = 0; round < rounds; round++) {
    best.reference = Math.max(best.reference, await reference())
    best.rate = Math.max(best.rate, await measured())
  }
  return best
}

export function perSecond (records: number, sinceNs: bigint): number {
  return records / (Number(process.hrtime.bigint() - sinceNs) / 1e9)
}

export function table (rows: readonly Measurement[]): string {
  const cells = rows.map(row => [
    row.what,
    `${thousands(row.rate)}/s`,
    `${thousands(row.reference)}/s`,
    (row.rate / row.reference).toFixed(2),
    row.floor === null ? '' : row.floor.toFixed(2),
    row.aim === null ? '' : row.aim.toFixed(2),
    row.referenceIs
  ])
  const all = [['what', 'rate', 'reference', 'ratio', 'floor', 'aim', 'reference is'], ...cells]
  const widths = all[0]?.map((_, column) => Math.max(...all.map(row => row[column]?.length ?? 0))) ?? []
  return all.map(row => row.map((cell, column) => column === 0 || column === 6 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)).join('  ').trimEnd()).join('\n')
}

function thousands (rate: number): string {
  return Math.round(rate).toLocaleString('en-US')
}
