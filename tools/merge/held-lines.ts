import { StreamError } from '../../lib/errors.js'
import type { OptOut } from '../../lib/event/opt-out.js'
import { createDigest, hasUuid, identifyBytes, Identifier, type LineKey } from './identity.js'
import type { KeySorter } from './key-sorter.js'
import { longestRecord, type Runs } from './runs.js'
import { IndexSort } from './sort.js'
import type { HostTally } from './tally.js'
import type { TemporaryFile } from './temporary-file.js'

const newline = 0x0a
const carriageReturn = 0x0d

/** How much is held in memory, in bytes and lines. */
export interface Sizes {
  /** Of the input that is sorted at once. */
  readonly heldBytes: number
  readonly heldLines: number
  /** Read at once. */
  readonly roomBytes: number
  /** A longer line is not looked into: it is recognised by its bytes. With `roomBytes` it is less than half of `heldBytes`. */
  readonly longestLine: number
  /** Keys that are sorted at once. */
  readonly keys: number
  /** Runs that are merged at once: 80 KB of each are in memory. */
  readonly runsAtOnce: number
}

export const usualSizes: Sizes = { heldBytes: 32 << 20, heldLines: 1 << 18, roomBytes: 1 << 20, longestLine: 12 << 20, keys: 1 << 18, runsAtOnce: 256 }

/** In the place of a line that is put aside: a newline, which no line has, then at eight bytes each where it is and how long. */
export const referenceBytes = 24

/** Files at most, and lines of each, for which a number of 53 bits has room. */
export const mostFiles = 2 ** 16
export const linesOfFile = 2 ** 37

/** A line that is too long to be looked into, as far as it was read. */
interface LongLine {
  readonly offset: number
  readonly digest: ReturnType<typeof createDigest>
}

/**
 * Takes files apart into lines, and writes runs of these, sorted by time, uuid, and the order in which they came. Bytes are read into where they stay until then, so that none
 * is copied for being looked at. Lines of more than 16 KB are put into a file of their own.
 */
export class HeldLines {
  /** Of all lines that were taken, with a newline each. */
  bytes = 0
  readonly #room: Buffer
  readonly #times: Float64Array
  readonly #as: Float64Array
  readonly #bs: Float64Array
  readonly #cs: Float64Array
  readonly #orders: Float64Array
  readonly #starts: Uint32Array
  readonly #ends: Uint32Array
  readonly #sort: IndexSort
  readonly #sizes: Sizes
  readonly #runs: Runs
  readonly #aside: TemporaryFile
  readonly #keys: KeySorter
  readonly #optOut: OptOut
  readonly #identifier = new Identifier()
  readonly #key: LineKey = { timeMs: 0, a: 0, b: 0, c: 0, isJson: false }
  #count = 0
  /** Of what is not a whole line yet. */
  #start = 0
  #end = 0
  #long: LongLine | null = null
  #tally: HostTally | null = null
  #path = ''
  #order = 0

  /** `keys` is given the uuid, order and time of each event. */
  constructor (runs: Runs, aside: TemporaryFile, keys: KeySorter, optOut: OptOut, sizes: Sizes) {
    const column = (): Float64Array => new Float64Array(sizes.heldLines)
    this.#room = Buffer.allocUnsafeSlow(sizes.heldBytes)
    this.#times = column()
    this.#as = column()
    this.#bs = column()
    this.#cs = column()
    this.#orders = column()
    this.#starts = new Uint32Array(sizes.heldLines)
    this.#ends = new Uint32Array(sizes.heldLines)
    this.#sort = new IndexSort(sizes.heldLines)
    this.#sizes = sizes
    this.#runs = runs
    this.#aside = aside
    this.#keys = keys
    this.#optOut = optOut
  }

  /** The lines of a file follow; `file` is its place among all. */
  begin (file: number, path: string, tally: HostTally): void {
    this.#path = path
    this.#tally = tally
    this.#order = file * linesOfFile
  }

  /** Where what is read next is to be put; `take` says how much that was. */
  room (): Buffer {
    const { heldBytes, roomBytes } = this.#sizes
    if (heldBytes - this.#end < roomBytes) {
      this.#write()
      this.#room.copyWithin(0, this.#start, this.#end)
      this.#end -= this.#start
      this.#start = 0
    }
    return this.#room.subarray(this.#end, this.#end + roomBytes)
  }

  take (length: number): void {
    const from = this.#end
    this.#end += length
    const room = this.#room.subarray(0, this.#end)
    for (let at = room.indexOf(newline, from); at !== -1; at = room.indexOf(newline, at + 1)) {
      this.#line(this.#start, at)
      this.#start = at + 1
    }
    if (this.#end - this.#start > this.#sizes.longestLine) this.#start = this.#putAside(this.#start, this.#end)
  }

  /** The file has ended, with a newline or without. */
  finish (): void {
    this.#line(this.#start, this.#end)
    this.#start = this.#end
  }

  /** All files have ended. */
  end (): void {
    this.#write()
  }

  #line (start: number, newlineAt: number): void {
    const end = newlineAt > start && this.#room[newlineAt - 1] === carriageReturn ? newlineAt - 1 : newlineAt
    const tally = this.#tally as HostTally
    if (this.#long !== null || end - start > this.#sizes.longestLine) this.#longLine(start, end, tally)
    else if (end > start) this.#shortLine(start, end, tally)
    else if (newlineAt < this.#end) tally.empty++
  }

  #shortLine (start: number, end: number, tally: HostTally): void {
    tally.lines++
    if (!this.#optOut.isEmpty && this.#optOut.inRecord(this.#room.toString('utf8', start, end))) {
      tally.optedOut++
      return
    }
    const key = this.#key
    this.#identifier.identify(this.#room, start, end, key)
    if (hasUuid(key.a)) this.#keys.add(key.a, key.b, key.c, this.#order, key.timeMs)
    else if (key.isJson) tally.withoutUuid++
    else tally.notJson++
    if (end - start <= longestRecord) this.#add(start, end, end - start)
    else this.#addReference(start, this.#aside.append(this.#room.subarray(start, end)), end - start)
  }

  #longLine (start: number, end: number, tally: HostTally): void {
    const rest = end - start > this.#sizes.longestLine ? this.#putAside(start, end) : start
    const { offset, digest } = this.#long as LongLine
    const last = this.#room.subarray(rest, end)
    digest.update(last)
    this.#aside.append(last)
    this.#long = null
    tally.lines++
    tally.tooLong++
    identifyBytes(digest.digest(), this.#key)
    this.#addReference(rest, offset, this.#aside.size - offset)
  }

  /** All but what there must be room for at the end. Returns where that begins. Throws `StreamError` when it could be of somebody who opted out. */
  #putAside (start: number, end: number): number {
    if (!this.#optOut.isEmpty) throw new StreamError('cannot-read', `${this.#path} has a line of more than ${this.#sizes.longestLine >> 20} MiB, which is too long to be looked through for users who opted out; take such lines out of it, or keep them apart`)
    this.#long ??= { offset: this.#aside.size, digest: createDigest() }
    const piece = this.#room.subarray(start, end - referenceBytes)
    this.#long.digest.update(piece)
    this.#aside.append(piece)
    return end - referenceBytes
  }

  /** In the place of the line itself, of which there is more. */
  #addReference (at: number, offset: number, length: number): void {
    this.#room[at] = newline
    this.#room.writeDoubleLE(offset, at + 8)
    this.#room.writeDoubleLE(length, at + 16)
    this.#add(at, at + referenceBytes, length)
  }

  /** `bytes`: of the line, which may be elsewhere. */
  #add (start: number, end: number, bytes: number): void {
    const at = this.#count++
    this.bytes += bytes + 1
    this.#times[at] = this.#key.timeMs
    this.#as[at] = this.#key.a
    this.#bs[at] = this.#key.b
    this.#cs[at] = this.#key.c
    this.#orders[at] = this.#order++
    this.#starts[at] = start
    this.#ends[at] = end
    if (this.#count === this.#sizes.heldLines) this.#write()
  }

  #write (): void {
    const [times, as, bs, cs, orders] = [this.#times, this.#as, this.#bs, this.#cs, this.#orders]
    const writer = this.#runs.begin()
    for (const i of this.#sort.sorted([times, as, bs, cs, orders], this.#count)) {
      writer.add(times[i] as number, as[i] as number, bs[i] as number, cs[i] as number, orders[i] as number, this.#room, this.#starts[i], this.#ends[i])
    }
    writer.end()
    this.#count = 0
  }
}
