import { RecordError } from '../errors.js'
import type { Context } from '../stream/contracts.js'
import type { Column } from './columns.js'

/** What becomes of a string that is longer than its column: docs/analysts.md says why it is cut by default. */
export const longStringChoices = ['cut', 'refuse'] as const
export type LongStringChoice = typeof longStringChoices[number]

/**
 * Is told of each string that is longer than its column, with its length in characters, before it is cut. Throws `RecordError`
 * when it is to be refused.
 */
export type LongStrings = (table: string, column: Column, characters: number) => void

/** Metric: strings that were cut to the length of their column. */
export const truncated = 'truncated'

/** How often a column is spoken of. */
const windowMs = 60_000

/** Counts what is cut; the log has the first string of a column at once, and how many there were since once a minute. */
export function createLongStrings (choice: LongStringChoice, ctx: Context, sayEveryMs = windowMs): LongStrings {
  if (choice === 'refuse') return refuse
  // as many as the tables have columns for strings
  const cuts = new Map<string, Cuts>()
  ctx.defer('the counts of cut strings', () => {
    for (const cut of cuts.values()) cut.end()
  })
  return (table, column, characters) => {
    ctx.metrics.increment(truncated)
    const key = `${table}.${column.name}`
    let cut = cuts.get(key)
    if (cut === undefined) cuts.set(key, cut = new Cuts(ctx, table, column, sayEveryMs))
    cut.add(characters)
  }
}

function refuse (_table: string, { name, length }: Column, characters: number): never {
  throw new RecordError('refused-by-store', `column ${name} takes at most ${length} characters; got ${characters}. Send less, give the field a larger maxLength in a new revision of its schema, or write long-strings=cut`, {
    column: name, length: characters, limit: length
  })
}

/** The strings of one column that were cut. */
class Cuts {
  readonly #ctx: Context
  readonly #fields: { readonly table: string, readonly column: string, readonly limit: number }
  readonly #sayEveryMs: number
  #strings = 0
  #longest = 0
  #timer: NodeJS.Timeout | null = null

  constructor (ctx: Context, table: string, { name, length }: Column, sayEveryMs: number) {
    this.#ctx = ctx
    this.#fields = { table, column: name, limit: length }
    this.#sayEveryMs = sayEveryMs
  }

  add (characters: number): void {
    this.#strings++
    this.#longest = Math.max(this.#longest, characters)
    if (this.#timer === null) this.#say()
  }

  end (): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    if (this.#strings > 0) this.#tell()
  }

  #say (): void {
    this.#timer = null
    if (this.#strings === 0) return
    this.#tell()
    this.#timer = setTimeout(() => { this.#say() }, this.#sayEveryMs)
    this.#timer.unref()
  }

  #tell (): void {
    this.#ctx.log.warn('strings were cut to the length of their column', { ...this.#fields, strings: this.#strings, longest: this.#longest })
    this.#strings = 0
    this.#longest = 0
  }
}
