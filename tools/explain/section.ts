import { stringifyJson } from '../../lib/event/json.js'
import { harmless } from '../terminal/text.js'
import { numberText } from '../text.js'

/** A part of a report: lines of text, which may hold what came from the internet. */
export interface Section {
  readonly title: string
  readonly lines: readonly string[]
}

/** Sections as they are printed: nothing in them can steer a terminal. */
export function reportText (sections: readonly Section[]): string {
  return sections.map(({ title, lines }) => [title, ...lines.map(line => `  ${line}`.trimEnd())].map(line => `${harmless(line)}\n`).join('')).join('\n')
}

/** Longest value shown, in characters. */
const mostShown = 100

export function cutText (text: string, most = mostShown): string {
  if (text.length <= most) return text
  return `${text.slice(0, most).replace(/[\ud800-\udbff]$/, '')}… (${numberText(text.length)} characters)`
}

/** A text as long as before, in which these are neither as they are nor percent-encoded. */
export function withoutAddresses (text: string, addresses: Iterable<string>): string {
  let hidden = text
  for (const address of addresses) {
    for (const form of [address, encodeURIComponent(address)]) hidden = hidden.replaceAll(form, '*'.repeat(form.length))
  }
  return hidden
}

/** A value as JSON, cut. */
export function shown (value: unknown, most = mostShown): string {
  if (typeof value === 'number' && !Number.isFinite(value)) return 'a number beyond 1.8e308'
  try {
    return cutText(stringifyJson(value) ?? 'nothing', most)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return '(nested too deeply to be shown)'
  }
}

/** Rows with columns as wide as they must be, but the last. */
export function columns (rows: ReadonlyArray<readonly string[]>): string[] {
  const widths: number[] = []
  for (const row of rows) row.slice(0, -1).forEach((cell, at) => { widths[at] = Math.max(widths[at] ?? 0, cell.length) })
  return rows.map(row => row.map((cell, at) => at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0)).join('  ').trimEnd())
}
