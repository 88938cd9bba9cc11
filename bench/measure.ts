/** One row of the table. */
export interface Measurement {
  readonly what: string
  /** Records a second of what is measured, or milliseconds, of which fewer are better. */
  readonly rate: number
  readonly unit?: '/s' | 'ms'
  /** The same of what it is compared with, in the same round. */
  readonly reference: number
  readonly referenceIs: string
  /** The least ratio that is accepted; null if none is promised yet. */
  readonly floor: number | null
  readonly aim: number | null
  /** What is said below the table. */
  readonly notes?: string
}

/**
 * Runs the reference, what is measured, and the reference again, `rounds` times, and keeps the round whose ratio is the median.
 * On a shared machine a processor may be half as fast for some seconds: that spoils a round, or both sides of it alike. Each
 * side resolves with records a second.
 */
export async function compare (rounds: number, measured: () => Promise<number>, reference: () => Promise<number>): Promise<{ rate: number, reference: number }> {
  const results = []
  for (let round = 1; round <= rounds; round++) {
    const before = await reference()
    const rate = await measured()
    const result = { rate, reference: (before + await reference()) / 2 }
    process.stderr.write(`  round ${round} of ${rounds}: ${thousands(result.rate)}/s, ${ratioOf(result).toFixed(2)} of the reference\n`)
    results.push(result)
  }
  results.sort((a, b) => ratioOf(a) - ratioOf(b))
  return results[Math.floor(rounds / 2)] ?? { rate: 0, reference: 0 }
}

/** 1 where both are equal, more where what is measured is better. */
export function ratioOf ({ rate, reference, unit }: Pick<Measurement, 'rate' | 'reference' | 'unit'>): number {
  return unit === 'ms' ? reference / rate : rate / reference
}

export function perSecond (records: number, sinceNs: bigint): number {
  return records / (Number(process.hrtime.bigint() - sinceNs) / 1e9)
}

export function table (rows: readonly Measurement[]): string {
  const cells = rows.map(row => [
    row.what,
    quantity(row.rate, row.unit),
    quantity(row.reference, row.unit),
    ratioOf(row).toFixed(2),
    row.floor === null ? '' : row.floor.toFixed(2),
    row.aim === null ? '' : row.aim.toFixed(2),
    row.referenceIs
  ])
  const all = [['what', 'rate', 'reference', 'ratio', 'floor', 'aim', 'reference is'], ...cells]
  const widths = all[0]?.map((_, column) => Math.max(...all.map(row => row[column]?.length ?? 0))) ?? []
  return all.map(row => row.map((cell, column) => column === 0 || column === 6 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)).join('  ').trimEnd()).join('\n')
}

function quantity (value: number, unit: Measurement['unit'] = '/s'): string {
  return unit === 'ms' ? `${thousands(value)} ms` : `${thousands(value)}/s`
}

export function thousands (rate: number): string {
  return Math.round(rate).toLocaleString('en-US')
}
