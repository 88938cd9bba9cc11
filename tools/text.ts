const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** `1.5 GiB` */
export function bytesText (bytes: number): string {
  const unit = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1)
  const value = bytes / 1024 ** unit
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`
}

/** `3 s`, `5 min`, `2 h`, `9 d`: the largest unit of which there are two. */
export function durationText (ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`
  return `${Math.floor(seconds / 86_400)} d`
}

export function numberText (number: number): string {
  return number.toLocaleString('en-US')
}

/** Columns as wide as they must be, two spaces apart; those of `right` are flush right. */
export function tableText (header: readonly string[], rows: ReadonlyArray<readonly string[]>, right: readonly string[]): string {
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map(row => row[column]?.length ?? 0)))
  return [header, ...rows].map(row => row.map((cell, column) =>
    right.includes(header[column] ?? '') ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd() + '\n').join('')
}

/** A line on the terminal that is written over by the next; nothing where nobody looks. */
export function createProgress (isWanted = process.stderr.isTTY): { show (text: string): void, end (): void } {
  let shownMs = -Infinity
  return {
    show (text) {
      if (!isWanted || performance.now() - shownMs < 200) return
      shownMs = performance.now()
      process.stderr.write(`\r\x1b[K${text}`)
    },
    end () { if (isWanted && shownMs > 0) process.stderr.write('\r\x1b[K') }
  }
}
