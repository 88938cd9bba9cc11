import { isIP } from 'node:net'
import { RecordError } from '../../lib/errors.js'
import { decodeCapsule, parseCapsule, tidy, type Capsule } from '../../lib/event/capsule.js'
import { compileFormat, type LineFormat } from '../../lib/event/line-format.js'
import { uuidOfCapsule } from '../../lib/event/uuid.js'
import { numberText } from '../text.js'
import { columns, cutText, shown, withoutAddresses, type Section } from './section.js'

/** How far a line got, and what is known of it there. */
export interface Read {
  readonly sections: readonly Section[]
  /** As it was sent, tidied; null if it could not be read. */
  readonly sent: Capsule | null
}

/**
 * The parts of a line and its capsule. `whole` is the capsule with what the line adds, null if it did not come that far. Nobody's
 * address is in it.
 */
export function readParts (line: string, format: LineFormat, whole: Capsule | null): Read {
  const match = format.match(line)
  if (match === null) return { sections: [{ title: 'The parts of the line', lines: mismatch(line, format) }], sent: null }
  const { capsule, json, lines } = openCapsule(match.capsule, format, whole)
  const hide = hiding(format, capsule)
  const rows = format.fields.map(({ name, conversion, specifier }, at) => {
    const text = conversion === 'address' ? '(an address, which is not shown)' : cutText(match.fields[at] ?? '', 60)
    return { specifier, row: [specifier, text, `${name}: ${becameOf(name, capsule, whole)}`] }
  })
  const specifier = format.encoding === 'query' ? '%q' : '%j'
  const all = [...rows, { specifier, row: [specifier, cutText(hide(match.capsule), 60), 'the capsule'] }]
    .sort((a, b) => format.format.indexOf(a.specifier) - format.format.indexOf(b.specifier))
  return {
    sections: [{ title: 'The parts of the line', lines: columns(all.map(({ row }) => row)) }, { title: 'The capsule', lines: json === '' ? lines : [lines[0] ?? '', cutText(hide(json), 300), ...lines.slice(1)] }],
    sent: capsule
  }
}

function becameOf (name: string, sent: Capsule | null, whole: Capsule | null): string {
  if (whole === null || sent === null) return '(it did not come so far)'
  if (!Object.hasOwn(whole, name)) return '(not taken: the event carries its own meta)'
  return Object.hasOwn(sent, name) ? `${shown(whole[name])}, as the capsule says, which counts` : shown(whole[name])
}

/** Takes out of a text the address that the capsule itself may have where the format has one. */
function hiding ({ fields }: LineFormat, capsule: Capsule | null): (text: string) => string {
  const own = fields.filter(({ conversion }) => conversion === 'address').map(({ name }) => capsule?.[name])
  return text => withoutAddresses(text, own.filter(address => typeof address === 'string' && isIP(address) !== 0) as string[])
}

function openCapsule (text: string, { encoding }: LineFormat, whole: Capsule | null): { capsule: Capsule | null, json: string, lines: string[] } {
  const lines: string[] = []
  let json = ''
  try {
    json = decodeCapsule(text, encoding)
    lines.push(encoding === 'query' ? `${numberText(text.length)} characters, percent-decoded ${numberText(json.length)}` : `${numberText(json.length)} characters of JSON`)
    const capsule = parseCapsule(json)
    const before = { ...capsule }
    tidy(capsule)
    lines.push(...Object.keys(before).filter(name => !Object.hasOwn(capsule, name)).map(name => `${name}: dropped, as nobody wants it any more`))
    if (Array.isArray(before['event']) && !Array.isArray(capsule['event'])) lines.push('event: [] is taken for {}, as PHP writes it')
    if (whole !== null) lines.push(uuidText(whole))
    return { capsule, json, lines }
  } catch (error) {
    if (!(error instanceof RecordError)) throw error
    return { capsule: null, json, lines: [...lines, error.message] }
  }
}

function uuidText (whole: Capsule): string {
  const { recvFrom, seqId, timestamp, dt, uuid, meta, schema } = whole
  if (typeof meta === 'object' && meta !== null && schema === undefined) return 'it carries its own meta, so it gets nothing from the line; meta.id is what its uuid would be'
  if (uuidOfCapsule(whole) === null) return typeof uuid === 'string' ? `uuid: ${uuid}, as it was sent` : 'no uuid: it is made of recvFrom, seqId and the time'
  const time = typeof timestamp === 'number' ? `timestamp ${timestamp}` : `dt ${String(dt)}`
  return `uuid: ${String(uuid)}, made of recvFrom ${shown(recvFrom)}, seqId ${String(seqId)} and ${time}`
}

/** The longest beginning of the format that the line matches. */
function mismatch (line: string, { format }: LineFormat): string[] {
  const specifiers = [...format.matchAll(/%(?:\{[^}]*\})?[A-Za-z]/g)]
  for (const [at, { index }] of [...specifiers.entries()].reverse()) {
    const matched = beginning(format.slice(0, index))?.match(line) ?? null
    if (matched !== null) return [`it matches "${format.slice(0, index).trim()}"; ${specifiers[at]?.[0] ?? ''} does not match what follows`]
  }
  return [`it does not begin as "${format}" does`]
}

/** Null if there is no capsule in it. */
function beginning (format: string): LineFormat | null {
  try {
    return compileFormat(format)
  } catch {
    return null
  }
}
