export { durationText, numberText } from '../lib/cli/text.js'

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** `1.5 GiB` */
export function bytesText (bytes: number): string {
  const unit = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1)
  const value = bytes / 1024 ** unit
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`
}

/** Columns as wide as they must be, two spaces apart; those of `right` are flush right. */
export function tableText (header: readonly string[], rows: ReadonlyArray<readonly string[]>, right: readonly string[]): string {
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map(row => row[column]?.length ?? 0)))
  return [header, ...rows].map(row => row.map((cell, column) =>
    right.includes(header[column] ?? '') ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd() + '\n').join('')
}

/** Text of strangers in a report: it stays in its line, and can do nothing to a terminal. */
export function printable (text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '?')
}

/** The same of lines, each with its newline. */
export function printableLines (lines: readonly string[]): string {
  return lines.map(line => `${printable(line)}\n`).join('')
}

/** A line on the terminal that is written over by the next, as far as there is room; nothing where nobody looks. */
export function createProgress (isWanted = process.stderr.isTTY): { show (text: string): void, end (): void } {
  let shownMs = -Infinity
  return {
    show (text) {
      if (!isWanted || performance.now() - shownMs < 200) return
      shownMs = performance.now()
      const room = (process.stderr.columns ?? 80) - 1
      process.stderr.write(`\r\x1b[K${text.length > room ? `${text.slice(0, room - 1)}…` : text}`)
    },
    end () { if (isWanted && shownMs > 0) process.stderr.write('\r\x1b[K') }
  }
}
