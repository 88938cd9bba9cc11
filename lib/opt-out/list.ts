import { createHash } from 'node:crypto'
import { ConfigError } from '../errors.js'

/** Users at most: 32 MB of memory in each processor, and a file of 65 MB. */
export const mostUsers = 1_000_000

const hashBytes = 32
const lineBytes = 2 * hashBytes + 1
const newline = 0x0a

/** The hashes of users, sorted, each once. Immutable. */
export interface HashList {
  readonly count: number
  has (hash: Buffer): boolean
  /** In order: views, not copies. */
  [Symbol.iterator] (): Iterator<Buffer>
}

/** Of hashes in any order. Throws `ConfigError` when they are too many. */
export function listOf (hashes: Iterable<Buffer>): HashList {
  const sorted = [...hashes].sort((a, b) => a.compare(b)).filter((hash, i, all) => i === 0 || !hash.equals(all[i - 1] as Buffer))
  if (sorted.length > mostUsers) throw new ConfigError('bad-option', `${sorted.length} users would be in the list; there is room for ${mostUsers}`)
  return listIn(Buffer.concat(sorted))
}

function listIn (bytes: Buffer): HashList {
  const count = bytes.length / hashBytes
  const at = (i: number): Buffer => bytes.subarray(i * hashBytes, (i + 1) * hashBytes)
  return {
    count,
    has (hash) {
      let [from, end] = [0, count]
      while (from < end) {
        const middle = (from + end) >> 1
        const order = hash.compare(bytes, middle * hashBytes, (middle + 1) * hashBytes)
        if (order === 0) return true
        if (order < 0) end = middle
        else from = middle + 1
      }
      return false
    },
    * [Symbol.iterator] () { for (let i = 0; i < count; i++) yield at(i) }
  }
}

/**
 * A list as a file has it: a line that says with which key it was made, how many users follow, and what their lines are digested to;
 * then a line of hexadecimal digits each, sorted.
 */
export function encodeList (list: HashList, keyId: string): Buffer {
  const lines = Buffer.allocUnsafe(list.count * lineBytes)
  let at = 0
  for (const hash of list) {
    lines.write(hash.toString('hex'), at, 'latin1')
    at += lineBytes
    lines[at - 1] = newline
  }
  return Buffer.concat([Buffer.from(`# vanadium optout 1 key=${keyId} users=${list.count} sha256=${digestOf(lines)}\n`), lines])
}

const header = /^# vanadium optout 1 key=([0-9a-f]{16}) users=(\d{1,9}) sha256=([0-9a-f]{64})$/

/** Throws `ConfigError` that says what is wrong; `file` is for messages. */
export function decodeList (bytes: Buffer, file: string): { list: HashList, keyId: string } {
  const end = bytes.subarray(0, 200).indexOf(newline)
  const [, keyId = '', users, digest] = header.exec(bytes.toString('latin1', 0, Math.max(end, 0))) ?? []
  if (users === undefined) throw damaged(file, 'its first line is not that of a list')
  const lines = bytes.subarray(end + 1)
  const count = Number(users)
  if (count > mostUsers) throw damaged(file, `it says that it has ${count} users; there is room for ${mostUsers}`)
  if (lines.length !== count * lineBytes) throw damaged(file, `it should have ${count} users in ${count * lineBytes} bytes, and has ${lines.length} bytes`)
  if (digestOf(lines) !== digest) throw damaged(file, 'its digest is not that of its lines')
  const hashes = Buffer.alloc(count * hashBytes)
  for (let i = 0; i < count; i++) {
    const written = hashes.write(lines.toString('latin1', i * lineBytes, (i + 1) * lineBytes - 1), i * hashBytes, 'hex')
    if (written !== hashBytes || (i > 0 && hashes.compare(hashes, (i - 1) * hashBytes, i * hashBytes, i * hashBytes, (i + 1) * hashBytes) <= 0)) throw damaged(file, `user ${i + 1} is no hash, or out of order`)
  }
  return { list: listIn(hashes), keyId }
}

function digestOf (lines: Buffer): string {
  return createHash('sha256').update(lines).digest('hex')
}

function damaged (file: string, why: string): ConfigError {
  return new ConfigError('damaged-state', `--optout ${file}: the list is damaged: ${why}; copy it again from where it is sound, with rsync or in one step (cp, mv)`)
}
