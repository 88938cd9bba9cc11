import { isAddress } from '../registry/personal.js'
import type { Anonymise } from './anonymous-json.js'
import type { FieldNode } from './fields.js'

/** Changed text, and the fields that were removed or changed, by their paths. */
export interface Edited {
  readonly text: string
  readonly fields: ReadonlySet<string>
}

/** Of nestings that are looked into. What is deeper goes: nobody knows what is in it. */
const deepest = 100
/** Fields that are told apart, and how much of their names: they come from strangers. */
const mostFields = 50
const mostCharacters = 100
const space = 0x20

/**
 * Takes out of the text of a JSON object what its fields do not keep, and changes what they make anonymous. Addresses and user agents
 * go wherever they are, whatever is said of what they are in. All else stays character for character: digits, escapes, white space.
 * Items of an array are as the array. Null if there is nothing to do. The text must be valid JSON.
 */
export function editJson (text: string, root: FieldNode, anonymise: Anonymise): Edited | null {
  const fields = new Set<string>()
  const editor = new Editor(text, anonymise, path => { if (fields.size < mostFields) fields.add(path.slice(0, mostCharacters)) })
  const edited = editor.whole(root)
  return fields.size === 0 ? null : { text: edited, fields }
}

const whole: FieldNode = { how: 'keep', below: new Map() }

/** Of text that is a JSON object or array all but addresses and user agents; all of any other. */
export function withoutAddresses (text: string): string {
  return isJson(text) ? editJson(text, whole, json => json)?.text ?? text : text
}

function isJson (text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** What holds for a value: its own node, if it has one, and what holds above. */
interface Place {
  readonly node: FieldNode | undefined
  readonly how: FieldNode['how']
  readonly path: string
  readonly depth: number
}

class Editor {
  readonly #text: string
  readonly #anonymise: Anonymise
  readonly #changed: (path: string) => void
  #at = 0

  constructor (text: string, anonymise: Anonymise, changed: (path: string) => void) {
    this.#text = text
    this.#anonymise = anonymise
    this.#changed = changed
  }

  whole (root: FieldNode): string {
    this.#skipSpace()
    const start = this.#at
    const value = this.#value({ node: root, how: root.how, path: '', depth: 0 }) ?? '{}'
    return this.#text.slice(0, start) + value + this.#text.slice(this.#at)
  }

  /** Moves behind a value. Returns what takes its place, null for nothing. */
  #value (place: Place): string | null {
    const { node, how, path, depth } = place
    const start = this.#at
    const first = this.#text[start]
    const looksInto = (first === '{' || first === '[') && (node !== undefined || how !== null)
    if (looksInto && depth < deepest) return first === '{' ? this.#object(place) : this.#array(place)
    this.#skip()
    const value = this.#text.slice(start, this.#at)
    const result = looksInto || how === null ? null : how === 'keep' ? value : this.#anonymise(value, how)
    if (result !== value) this.#changed(path)
    return result
  }

  #object ({ node, how, path, depth }: Place): string {
    return this.#container('}', () => {
      const start = this.#at
      this.#skip()
      const name = JSON.parse(this.#text.slice(start, this.#at)) as string
      this.#skipSpace()
      this.#at++
      this.#skipSpace()
      const before = this.#text.slice(start, this.#at)
      const below = node?.below.get(name)
      const fate = isAddress(name) ? { node: undefined, how: null } : { node: below, how: below?.how ?? how }
      const value = this.#value({ ...fate, path: path === '' ? name : `${path}.${name}`, depth: depth + 1 })
      return value === null ? null : before + value
    })
  }

  #array (place: Place): string {
    return this.#container(']', () => this.#value({ ...place, depth: place.depth + 1 }))
  }

  /** Of the parts between its brackets, those that stay. As it was, white space included, if they all stay as they are. */
  #container (closing: string, part: () => string | null): string {
    const start = this.#at++
    const parts: string[] = []
    let isSame = true
    for (this.#skipSpace(); this.#text[this.#at] !== closing; this.#skipSpace()) {
      if (this.#text[this.#at] === ',') {
        this.#at++
        this.#skipSpace()
      }
      const from = this.#at
      const kept = part()
      isSame &&= kept === this.#text.slice(from, this.#at)
      if (kept !== null) parts.push(kept)
    }
    this.#at++
    const text = this.#text.slice(start, this.#at)
    return isSame ? text : `${text[0] ?? ''}${parts.join(',')}${closing}`
  }

  #skipSpace (): void {
    while (this.#text.charCodeAt(this.#at) <= space) this.#at++
  }

  /** Moves behind a value, however deep it is nested. */
  #skip (): void {
    let open = 0
    do {
      const first = this.#text[this.#at]
      if (first === '"') this.#skipString()
      else if (first === '{' || first === '[') open++
      else if (first === '}' || first === ']') open--
      else if (open === 0) this.#skipWord()
      if (first !== '"' && (open > 0 || first === '}' || first === ']')) this.#at++
    } while (open > 0)
  }

  #skipString (): void {
    let end = this.#at
    let slashes
    do {
      end = this.#text.indexOf('"', end + 1)
      for (slashes = 0; this.#text[end - 1 - slashes] === '\\'; slashes++);
    } while (slashes % 2 === 1)
    this.#at = end + 1
  }

  /** A number, true, false or null. */
  #skipWord (): void {
    while (/[^\s,\]}]/.test(this.#text[this.#at] ?? ' ')) this.#at++
  }
}
