/** ZeroMQ's text form of bytes (https://rfc.zeromq.org/spec/32/): five characters for four bytes, none of them white space or a quote. */
const alphabet = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#'
const values = new Map([...alphabet].map((character, value) => [character.charCodeAt(0), value]))

/** Of a multiple of four bytes. */
export function encodeZ85 (bytes: Buffer): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 4) {
    const word = bytes.readUInt32BE(at)
    for (let power = 85 ** 4; power >= 1; power /= 85) text += alphabet.charAt(Math.floor(word / power) % 85)
  }
  return text
}

/** Takes the text as bytes, so that no string is left of a secret. Null for what is no such text. */
export function decodeZ85 (text: Buffer): Buffer | null {
  if (text.length % 5 !== 0) return null
  const bytes = Buffer.alloc(text.length / 5 * 4)
  for (let at = 0; at < text.length; at += 5) {
    let word = 0
    for (const character of text.subarray(at, at + 5)) word = word * 85 + (values.get(character) ?? Infinity)
    if (word >= 2 ** 32) return null
    bytes.writeUInt32BE(word, at / 5 * 4)
  }
  return bytes
}
