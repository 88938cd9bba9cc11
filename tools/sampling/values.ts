import type { Capsule } from '../../lib/event/capsule.js'

/** A field with more values than that is none of the kind that events are counted by. */
const mostValues = 20
const mostFields = 100
const longestValue = 60
const deepest = 5

/** One value of a field, and what the events that have it stand for. */
export interface FieldValue {
  readonly field: string
  readonly value: string
  /** The number under which it was found. */
  readonly number: number
  total: number
}

/** Finds the fields that have a few values only, as those with an `enum` do, and numbers their values. */
export class Values {
  /** Null for a field that has too many. */
  readonly #fields = new Map<string, Map<string, FieldValue> | null>()
  readonly #except: string
  #numbers = 0

  /** `except` is no such field, whatever it has. */
  constructor (except: string | null) {
    this.#except = except ?? ''
  }

  /** Counts those of an event, and returns their numbers. */
  add (capsule: Capsule, amount: number): number[] {
    const numbers: number[] = []
    this.#see('wiki', capsule['wiki'], amount, numbers)
    this.#look('event', capsule['event'], amount, numbers, 0)
    return numbers
  }

  /** The most frequent first, of each field that has several, in the order of the fields. */
  list (ofEach: number): FieldValue[] {
    return [...this.#fields.values()].flatMap(values => values === null || values.size < 2
      ? []
      : [...values.values()].sort((one, other) => other.total - one.total).slice(0, ofEach))
  }

  #look (path: string, value: unknown, amount: number, numbers: number[], depth: number): void {
    if (typeof value !== 'object' || value === null) {
      this.#see(path, value, amount, numbers)
      return
    }
    if (Array.isArray(value) || depth === deepest) return
    for (const [name, inner] of Object.entries(value)) this.#look(`${path}.${name}`, inner, amount, numbers, depth + 1)
  }

  #see (field: string, value: unknown, amount: number, numbers: number[]): void {
    if (typeof value !== 'string' && typeof value !== 'boolean') return
    let known = this.#fields.get(field)
    if (known === null || field === this.#except) return
    if (known === undefined) {
      if (this.#fields.size === mostFields) return
      this.#fields.set(field, known = new Map())
    }
    const text = String(value)
    let found = known.get(text)
    if (found === undefined) {
      if (known.size === mostValues || text.length > longestValue) {
        this.#fields.set(field, null)
        return
      }
      known.set(text, found = { field, value: text, number: this.#numbers++, total: 0 })
    }
    found.total += amount
    numbers.push(found.number)
  }
}
