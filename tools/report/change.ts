import { numberText } from '../text.js'
import type { Trend } from './report.js'

/** Where nothing is known. */
export const unknownText = '–'

export function countText (count: number | null): string {
  return count === null ? unknownText : numberText(count)
}

/** `+3.4 %`, `−12 %`, `±0 %`; `new` where nothing was before. */
export function changeText (count: number | null, before: number | null): string {
  if (count === null || before === null) return unknownText
  if (before === 0) return count === 0 ? '±0 %' : 'new'
  return percentText((count - before) / before)
}

function percentText (ratio: number): string {
  const percent = Math.abs(ratio * 100)
  const digits = percent < 9.95 ? percent.toFixed(1) : numberText(Math.round(percent))
  if (Number(digits) === 0) return '±0 %'
  return `${ratio < 0 ? '−' : '+'}${digits.replace(/\.0$/, '')} %`
}

/** Part of a whole: `3.4 %`; more than nothing is never shown as nothing. */
export function shareText (part: number | null, whole: number | null): string {
  if (part === null || whole === null || whole === 0) return unknownText
  const percent = part / whole * 100
  if (percent > 0 && percent < 0.1) return '<0.1 %'
  if (percent < 100 && percent > 99.9) return '>99.9 %'
  return `${percent < 9.95 ? percent.toFixed(1).replace(/\.0$/, '') : Math.round(percent)} %`
}

export function invalidShareText (valid: Trend, invalid: Trend): string {
  return shareText(invalid.count, valid.count === null || invalid.count === null ? null : valid.count + invalid.count)
}
