import { messageOf } from '../errors.js'
import type { Log } from '../log.js'
import type { TablePlan } from './columns.js'

/** Views that could not be made are tried again after this, then after twice as long, and so on. */
const firstRetryMs = 10_000
const lastRetryMs = 600_000

/** How often the log says that a schema's view cannot be made. */
const silenceMs = 600_000

/** Schemas whose views are not what they should be, and when they are tried again. At most as many as there are schemas. */
export class StaleViews {
  readonly #log: Log
  readonly #plans = new Map<string, TablePlan>()
  readonly #silent = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined
  #retryMs = firstRetryMs
  #closed = false
  readonly #retry: (plans: readonly TablePlan[]) => void

  /** `retry` is called some time after views became stale; it tells with `done` or `failed` what became of each. */
  constructor (log: Log, retry: (plans: readonly TablePlan[]) => void) {
    this.#log = log
    this.#retry = retry
  }

  failed (plan: TablePlan, error: unknown): void {
    this.#plans.set(plan.schema, plan)
    if (!this.#closed) this.#timer ??= setTimeout(() => { this.#again() }, this.#retryMs).unref()
    if (Date.now() < (this.#silent.get(plan.schema) ?? 0)) return
    this.#silent.set(plan.schema, Date.now() + silenceMs)
    this.#log.warn('the view of a schema is not up to date; its events are stored all the same', {
      schema: plan.schema,
      reason: messageOf(error),
      advice: 'grant CREATE VIEW, SHOW VIEW, DROP and SELECT on the database; end transactions that keep the view open; a union with more columns than the database takes has no view'
    })
  }

  done (plan: TablePlan): void {
    this.#plans.delete(plan.schema)
    this.#silent.delete(plan.schema)
    if (this.#plans.size === 0) this.#retryMs = firstRetryMs
  }

  close (): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  #again (): void {
    this.#timer = undefined
    this.#retryMs = Math.min(this.#retryMs * 2, lastRetryMs)
    this.#retry([...this.#plans.values()])
  }
}
