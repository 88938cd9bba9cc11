/** Shorter ones stand everywhere by chance: in times, numbers, words. */
const fewestCharacters = 6

/**
 * Tells whether one of the identifiers stands in bytes, in any of the ways in which lines encode text, and not as a part of a longer
 * word or number.
 */
export function identifiersIn (users: Iterable<string>): (bytes: Buffer) => boolean {
  const needles = [...users].filter(user => user.length >= fewestCharacters).flatMap(user => [...new Set([
    user,
    encodeURIComponent(user),
    encodeURIComponent(user).replaceAll('%20', '+'),
    JSON.stringify(user).slice(1, -1),
    user.replace(/[^\x20-\x7e]/g, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
  ])].map(text => Buffer.from(text)))
  return bytes => needles.some(needle => standsIn(bytes, needle))
}

function standsIn (bytes: Buffer, needle: Buffer): boolean {
  for (let at = bytes.indexOf(needle); at !== -1; at = bytes.indexOf(needle, at + 1)) {
    if (!isEscapeOrApart(bytes, at) || isWord(bytes[at + needle.length])) continue
    return true
  }
  return false
}

/** Nothing before it belongs to it; but digits of an escape do not, as in `%22bob`. */
function isEscapeOrApart (bytes: Buffer, at: number): boolean {
  return !isWord(bytes[at - 1]) || /%[0-9A-Fa-f]{2}$/.test(bytes.toString('latin1', Math.max(0, at - 3), at))
}

function isWord (byte: number | undefined): boolean {
  return byte !== undefined && /[0-9A-Za-z]/.test(String.fromCharCode(byte))
}
