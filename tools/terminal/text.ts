import { unprintable } from '../../lib/stream/unprintable.js'

/** SGR parameters (ECMA-48, section 8.3.117). */
const styles = { plain: '', bold: '1', dim: '2', red: '31', green: '32', yellow: '33', cyan: '36' } as const
export type Style = keyof typeof styles

/** A piece of a line of the terminal, in one style. */
export type Span = readonly [text: string, style?: Style]
export type Line = readonly Span[]

/** Takes no column. */
const zeroWidth = /^(?:\p{M}|[\u200b-\u200d])$/u
/** Takes two (Unicode Standard Annex 11, wide and full-width, roughly). */
const twoWide = /^[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]$/u

/** Text that can do nothing to a terminal but appear. */
export function harmless (text: string): string {
  return text.replace(unprintable, '\u00b7')
}

/** At most `width` columns of a text; what is cut off becomes `…`. */
export function cut (text: string, width: number): string {
  if (measure(text, width).end === text.length) return text
  return `${text.slice(0, measure(text, width - 1).end)}…`
}

/** Where a text exceeds `width` columns, and how many it takes up to there. */
function measure (text: string, width: number): { end: number, columns: number } {
  let columns = 0
  let end = 0
  for (const character of text) {
    const wide = widthOf(character)
    if (columns + wide > width) break
    columns += wide
    end += character.length
  }
  return { end, columns }
}

function widthOf (character: string): number {
  if (character < '\u0300') return 1
  return zeroWidth.test(character) ? 0 : twoWide.test(character) ? 2 : 1
}

/** A line as it is written to a terminal that is `width` columns wide. */
export function render (line: Line, width: number, colours: boolean): string {
  let left = width
  let text = ''
  for (const [content, style = 'plain'] of line) {
    if (left <= 0) break
    const shown = cut(harmless(content), left)
    left -= measure(shown, left).columns
    text += colours && style !== 'plain' ? `\x1b[${styles[style]}m${shown}\x1b[0m` : shown
  }
  return text
}
