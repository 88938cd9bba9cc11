import { unprintable } from '../stream/unprintable.js'

/** Foreground colours of ECMA-48 (SGR). */
const colours = { name: 36, string: 32, number: 33, word: 35 } as const

/** Every token of a valid JSON text; a string that is a name comes with its colon. */
const token = /("(?:[^"\\]|\\.)*")(\s*:)?|-?\d[\d.eE+-]*|true|false|null|[[\]{},]/g

/**
 * A record for a terminal, with the newline after it: JSON over several lines, digits as they are; anything else as a
 * line. What would control the terminal is shown as escapes.
 */
export function prettyRecord (record: string, coloured: boolean): string {
  const safe = record.replace(unprintable, escapeOf)
  return `${isStructured(record) ? spread(safe, coloured ? paint : asIs) : safe}\n`
}

function isStructured (record: string): boolean {
  if (!/^\s*[[{]/.test(record)) return false
  try {
    JSON.parse(record)
    return true
  } catch {
    return false
  }
}

function spread (json: string, show: typeof paint): string {
  let text = ''
  let depth = 0
  let previous = ''
  const indent = (): string => `\n${'  '.repeat(Math.min(depth, deepest))}`
  for (const [whole, string, colon] of json.matchAll(token)) {
    const closes = whole === '}' || whole === ']'
    const opened = previous === '{' || previous === '['
    if (closes) depth--
    if (opened !== closes && (opened || closes)) text += indent()
    if (whole === ',') text += `,${indent()}`
    else if (string !== undefined && colon !== undefined) text += `${show(colours.name, string)}: `
    else text += closes || whole === '{' || whole === '[' ? whole : show(colourOf(whole), whole)
    if (whole === '{' || whole === '[') depth++
    previous = whole
  }
  return text
}

/** Deeper levels are not indented further: a record nested 10,000 deep must not become 200 MB. */
const deepest = 40

function colourOf (value: string): number {
  if (value.startsWith('"')) return colours.string
  return /^[tfn]/.test(value) ? colours.word : colours.number
}

function paint (colour: number, text: string): string {
  return `\u001b[${colour}m${text}\u001b[39m`
}

function asIs (_colour: number, text: string): string {
  return text
}

function escapeOf (character: string): string {
  return character.replace(/[^]/g, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
