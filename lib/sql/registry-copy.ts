import { messageOf } from '../errors.js'
import type { Context } from '../stream/contracts.js'
import type { Describe } from './described.js'

/** What could not be copied is tried again after this. */
const retryMs = 60_000

/** Writes what the registry says of these schemas, or of all that the database has, where that is not in `vanadium_schemas` yet. */
export type Copy = (describe: Describe, schemas: ReadonlySet<string> | null) => Promise<void>

/**
 * Keeps the copy of the registry in the database up to date: at the start, at a reload, and when a schema is new. Rows do not wait for
 * it, whatever is wrong with it. Where there is no registry it does nothing.
 */
export class RegistryCopy {
  readonly #ctx: Pick<Context, 'log' | 'describe'>
  readonly #copy: Copy
  /** Null: all of them. */
  #wanted: Set<string> | null = new Set()
  #running = false
  #failing = false
  #closed = false
  #timer: NodeJS.Timeout | undefined

  constructor (ctx: Pick<Context, 'log' | 'describe' | 'onReload'>, copy: Copy) {
    this.#ctx = ctx
    this.#copy = copy
    ctx.onReload(() => { this.all() })
  }

  all (): void {
    this.#wanted = null
    this.#run()
  }

  seen (schema: string): void {
    this.#wanted?.add(schema)
    this.#run()
  }

  close (): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  #run (): void {
    const { describe } = this.#ctx
    // whatever it is asked for: null says that there is no registry
    if (this.#running || this.#closed || describe === undefined || describe('') === null) return
    this.#running = true
    clearTimeout(this.#timer)
    void this.#copyWanted(describe)
  }

  async #copyWanted (describe: Describe): Promise<void> {
    while (!this.#closed && (this.#wanted === null || this.#wanted.size > 0)) {
      const wanted = this.#wanted
      this.#wanted = new Set()
      try {
        await this.#copy(describe, wanted)
        this.#failing = false
      } catch (error) {
        this.#wanted = null
        this.#retryLater(error)
        break
      }
    }
    // at once: what is seen from here on must find it so
    this.#running = false
  }

  #retryLater (error: unknown): void {
    if (this.#closed) return
    if (!this.#failing) {
      this.#ctx.log.warn('what the registry says is not in vanadium_schemas; events are stored all the same', {
        reason: messageOf(error), advice: 'grant SELECT, UPDATE and ALTER on vanadium_schemas; end transactions that keep it open'
      })
    }
    this.#failing = true
    this.#timer = setTimeout(() => { this.#run() }, retryMs).unref()
  }
}
