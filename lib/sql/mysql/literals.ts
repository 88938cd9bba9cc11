import type { SqlValue } from '../values.js'

const special = /[\0'\\]/
const specials = /[\0'\\]/g

/** Values as they stand behind `VALUES` and `IN`, for a session whose backslash escapes. */
export function tupleOf (row: readonly SqlValue[]): string {
  // joining makes one flat string, adding a chain of pieces
  const literals = new Array<SqlValue>(row.length)
  for (let at = 0; at < row.length; at++) {
    const value = row[at]
    literals[at] = typeof value === 'string' ? quote(value) : value ?? 'NULL'
  }
  return `(${literals.join(',')})`
}

function quote (text: string): string {
  return `'${escapeText(text)}'`
}

export function escapeText (text: string): string {
  return special.test(text) ? text.replace(specials, escape) : text
}

function escape (character: string): string {
  return character === '\0' ? '\\0' : `\\${character}`
}
