import { StreamError } from '../errors.js'
import { linesOf } from '../purge/lines.js'
import { numberOfContent, numberOfKey, type HourSums } from './sums.js'
import { capsuleTime, sortedByName, styleOf, styles, summedColumns, type BackupTable } from './table.js'

/** What an INSERT of a dump says of its rows. */
export interface DumpHead {
  readonly table: string
  readonly style: BackupTable['style']
  /** `INSERT … VALUES`, as it is there. */
  readonly text: string
  readonly time: number
  readonly key: number
  /** Of the number that the table gives a row. */
  readonly id: number
  /** In the order of a row's values. */
  readonly columns: readonly string[]
  /** Columns that are added up, in that order: where they are in a row, and what is before their value. */
  readonly summed: ReadonlyArray<{ readonly at: number, readonly label: string }>
}

export interface DumpRow {
  readonly head: DumpHead
  /** Its values in brackets, as they are there. */
  readonly raw: Buffer
  /** Text as it is, bytes in hex, numbers in their digits. */
  readonly values: ReadonlyArray<Buffer | null>
}

/** A row has at most 16 MB, each of which may be escaped. */
const mostLineBytes = 256 << 20

/** A line of a dump, and the rows in it. */
export interface DumpLine {
  readonly bytes: Buffer
  readonly rows: readonly DumpRow[]
}

/** Lines of a dump, together and one by one. */
export interface DumpPiece extends DumpLine {
  readonly lines: readonly DumpLine[]
}

/** What mariadb-dump prints, piece by piece; nothing of it is lost. Throws `StreamError` when it does not end as it should. */
export async function * piecesOfDump (chunks: AsyncIterable<Buffer>, what: string): AsyncGenerator<DumpPiece> {
  const parser = new DumpParser()
  for await (const some of linesOf(chunks, mostLineBytes)) {
    const lines = some.map(({ bytes, isWhole }): DumpLine => {
      if (!isWhole) throw new StreamError('cannot-read', `${what}: a line is longer than ${mostLineBytes} bytes`)
      return { bytes, rows: parser.rowsIn(bytes) }
    })
    yield { lines, bytes: lines.length === 1 ? lines[0]?.bytes ?? Buffer.alloc(0) : Buffer.concat(lines.map(({ bytes }) => bytes)), rows: lines.flatMap(({ rows }) => rows) }
  }
  if (!parser.isComplete) throw new StreamError('cannot-read', `${what} ends before its end`)
}

/** The last line of a dump. */
export const dumpEnd = '-- Dump completed'

const insert = Buffer.from('INSERT ')
const end = Buffer.from(dumpEnd)
const [open, close, comma, semicolon, quote, backslash] = [0x28, 0x29, 0x2c, 0x3b, 0x27, 0x5c]

class DumpParser {
  #head: DumpHead | null = null
  isComplete = false

  /** A line ends a statement or goes on with it: in values a newline is written otherwise. */
  rowsIn (line: Buffer): DumpRow[] {
    if (line.length > 1) this.isComplete = line.subarray(0, end.length).equals(end)
    if (line.subarray(0, insert.length).equals(insert)) {
      const from = line.indexOf(' VALUES') + ' VALUES'.length
      this.#head = headOf(line.subarray(0, from).toString())
      return this.#rowsFrom(line, from)
    }
    return this.#head !== null && line[0] === open ? this.#rowsFrom(line, 0) : []
  }

  #rowsFrom (line: Buffer, from: number): DumpRow[] {
    const head = this.#head
    const rows: DumpRow[] = []
    for (let at = line.indexOf(open, from); head !== null && at !== -1;) {
      const values: Array<Buffer | null> = []
      const start = at
      do at = readValue(line, at + 1, values)
      while (line[at] === comma)
      if (line[at] !== close) throw new StreamError('cannot-read', `a row of ${head.table} has no end`)
      rows.push({ head, raw: line.subarray(start, ++at), values })
      if (line[at] === semicolon) this.#head = null
      at = line[at] === comma && line[at + 1] === open ? at + 1 : -1
    }
    return rows
  }
}

/** Adds the value that begins there. Returns where it ends. */
function readValue (line: Buffer, from: number, values: Array<Buffer | null>): number {
  if (line[from] !== quote) {
    let at = from
    while (at < line.length && line[at] !== comma && line[at] !== close) at++
    const text = line.subarray(from, at)
    values.push(text.equals(nothing) ? null : text[0] === 0x30 && text[1] === 0x78 ? text.subarray(2) : text)
    return at
  }
  let isEscaped = false
  let at = from + 1
  for (; at < line.length && line[at] !== quote; at++) {
    if (line[at] !== backslash) continue
    isEscaped = true
    at++
  }
  const text = line.subarray(from + 1, at)
  values.push(isEscaped ? unescaped(text) : text)
  return at + 1
}

const nothing = Buffer.from('NULL')
/** Behind a backslash, what is something else: https://mariadb.com/kb/en/string-literals/ */
const escapes = new Map([['0', 0], ['n', 0x0a], ['r', 0x0d], ['t', 0x09], ['b', 0x08], ['Z', 0x1a]].map(([letter, byte]) => [String(letter).charCodeAt(0), Number(byte)]))

function unescaped (text: Buffer): Buffer {
  const plain = Buffer.allocUnsafe(text.length)
  let length = 0
  for (let at = 0; at < text.length; at++) {
    let byte = text[at] ?? 0
    if (byte === backslash) {
      byte = text[++at] ?? backslash
      byte = escapes.get(byte) ?? byte
    }
    plain[length++] = byte
  }
  return plain.subarray(0, length)
}

/** "INSERT IGNORE INTO `T` (`id`, `uuid`) VALUES" */
function headOf (text: string): DumpHead {
  const [table = '', ...columns] = [...text.matchAll(/`((?:[^`]|``)*)`/g)].map(([, name = '']) => name.replaceAll('``', '`'))
  const style = styleOf(table, columns)
  const names = styles.find(one => one.style === style)
  const placeOf = (wanted: string | undefined): number => columns.findIndex(name => name.toLowerCase() === wanted)
  const all = sortedByName(columns.map((name, at) => ({ name, at })))
  return {
    table,
    style,
    text,
    time: placeOf(names?.time),
    id: placeOf('id'),
    columns,
    key: placeOf(names?.key ?? (/_daily$/.test(table) ? 'digest' : undefined)),
    summed: summedColumns({ columns: all, style }).map(({ name, at }) => ({ at, label: `${name}:` }))
  }
}

/** The row with NULL in these places. */
export function withNulls ({ head, raw, values }: DumpRow, places: ReadonlySet<number>): DumpRow {
  const parts: Buffer[] = []
  let from = 0
  for (let [at, place] = [0, 0]; at < raw.length - 1; place++) {
    const end = readValue(raw, at + 1, [])
    if (places.has(place)) {
      parts.push(raw.subarray(from, at + 1), nothing)
      from = end
    }
    at = end
  }
  return { head, raw: Buffer.concat([...parts, raw.subarray(from)]), values: values.map((value, place) => places.has(place) ? null : value) }
}

/** Lines with NULL in the place of each row's number: whatever numbers a table has given away when it is restored, none is the row's reason not to be there. */
export function unnumbered (lines: readonly DumpLine[]): Buffer {
  const parts: Buffer[] = []
  for (const { bytes, rows } of lines) {
    let from = 0
    for (const row of rows) {
      const { head, raw, values: [first] } = row
      const start = raw.byteOffset - bytes.byteOffset
      // the usual place: the row need not be read once more
      if (head.id === 0 && first != null) {
        parts.push(bytes.subarray(from, start + 1), nothing)
        from = start + 1 + first.length
      } else {
        parts.push(bytes.subarray(from, start), withNulls(row, new Set([head.id])).raw)
        from = start + raw.length
      }
    }
    parts.push(bytes.subarray(from))
  }
  return Buffer.concat(parts)
}

const validTime = new RegExp(capsuleTime)

/** As a manifest has it; null if there is none. */
export function timeOfRow ({ head: { style, time }, values }: DumpRow): string | null {
  const text = values[time]?.toString('latin1') ?? ''
  if (style === 'meta') return text < '0001' ? null : `${text.slice(0, 10)}T${text.slice(11, 19)}Z`
  if (style === 'whole' || !validTime.test(text)) return null
  return `${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6, 8)}T${text.slice(8, 10)}:${text.slice(10, 12)}:${text.slice(12, 14)}Z`
}

/** Null for one of a table whose rows come and go, or change. */
export function keyOfRow ({ head: { key }, values }: DumpRow): string | null {
  return values[key]?.toString() ?? null
}

/** What a row is added up by: as `contentExpression` of `table.ts` has it. */
export function contentOfRow ({ head: { summed }, values }: DumpRow): Buffer {
  const parts: Buffer[] = []
  for (const { at, label } of summed) {
    const value = values[at]
    if (value !== null && value !== undefined) parts.push(Buffer.from(`${label}${value.length}:`), value)
  }
  return Buffer.concat(parts)
}

export function addRow (sums: HourSums, row: DumpRow): void {
  const key = row.head.style === 'whole' ? null : keyOfRow(row)
  sums.add(row.head.table, timeOfRow(row), key === null ? 0n : numberOfKey(key), numberOfContent(contentOfRow(row)))
}
