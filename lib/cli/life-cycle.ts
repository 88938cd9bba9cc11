import type { Log } from '../log.js'
import { exitCodes, messageOf } from '../errors.js'

export interface LifeCycleOptions {
  /** From the first signal, or from the end of the work, to giving up; systemd is told to wait longer. */
  readonly deadlineMs?: number
  /** While stopping, what still runs is said this often. */
  readonly reportMs?: number
  /** Is told what a process goes through besides its work. */
  readonly stages?: Partial<Stages>
}

export interface Stages {
  /** `what` is being ended: the work first, then each release. */
  stopping (what: string): void
  reloading (): void
  /** `failure`: why what was loaded before stays in force; null if all is loaded. */
  reloaded (failure: string | null): void
}

/** Start, signals and end of a process: what is opened registers its release, and releases run last-in-first-out. */
export interface LifeCycle {
  readonly stop: AbortSignal
  defer (what: string, release: () => Promise<void> | void): void
  /** One that does not throw may resolve with why it failed: then the log has that already. */
  onReload (reload: () => unknown): void
  /** Ends as the first signal would; does nothing when that has come already. */
  end (why: string): void
  /** Runs the releases; a failing one is logged and the others still run. */
  release (): Promise<void>
}

/**
 * Listens for signals: the first SIGTERM or SIGINT aborts `stop`, a second one or the deadline gives up at once, saying what
 * was still running; SIGHUP reloads. The deadline also holds for the releases after work that ended by itself. A bug that
 * nobody caught ends the process with 70.
 */
export function startLifeCycle (log: Log, { deadlineMs = 20_000, reportMs = 5000, stages = {} }: LifeCycleOptions = {}): LifeCycle {
  const stop = new AbortController()
  const releases: Array<{ what: string, release: () => Promise<void> | void }> = []
  const reloads = new Reloads(log, stages)
  const timers: NodeJS.Timeout[] = []
  let running = 'the main loop'

  function giveUp (why: string): never {
    log.error('gave up before everything was stopped', { why, still_running: running })
    log.flush()
    process.exit(exitCodes.transport)
  }

  // the timers keep the process alive: when nothing else does, it still says what it waits for
  function startDeadline (): void {
    if (timers.length > 0) return
    timers.push(
      setInterval(() => { log.info('still stopping', { still_running: running }) }, reportMs),
      setTimeout(() => { giveUp(`not stopped within ${deadlineMs / 1000} s`) }, deadlineMs)
    )
  }

  function end (why: string): void {
    if (stop.signal.aborted) return
    log.info('stopping', { why })
    stages.stopping?.(running)
    startDeadline()
    stop.abort()
  }

  function onSignal (signal: string): void {
    if (stop.signal.aborted) giveUp(`second ${signal}`)
    end(signal)
  }

  function bug (error: unknown): void {
    log.error('bug: an error that nobody caught', { error })
    log.flush()
    process.exit(exitCodes.bug)
  }

  const listeners: Record<string, (thrown: unknown) => void> = {
    SIGTERM: () => { onSignal('SIGTERM') },
    SIGINT: () => { onSignal('SIGINT') },
    SIGHUP: () => { reloads.run().catch(bug) },
    uncaughtException: bug,
    unhandledRejection: bug
  }
  for (const [event, listener] of Object.entries(listeners)) process.on(event, listener)

  return {
    stop: stop.signal,
    defer: (what, release) => { releases.push({ what, release }) },
    onReload: callback => { reloads.add(callback) },
    end,
    async release () {
      if (releases.length > 0) startDeadline()
      for (let next = releases.pop(); next !== undefined; next = releases.pop()) {
        running = next.what
        stages.stopping?.(running)
        try {
          await next.release()
        } catch (error) {
          log.error('could not release', { what: running, error })
          process.exitCode ||= exitCodes.transport
        }
      }
      for (const timer of timers) clearTimeout(timer)
      for (const [event, listener] of Object.entries(listeners)) process.off(event, listener)
    }
  }
}

/** What SIGHUP calls. Runs never overlap; signals that come during one are one more. */
class Reloads {
  readonly #log: Log
  readonly #stages: Partial<Stages>
  readonly #callbacks: Array<() => unknown> = []
  #running = false
  #again = false

  constructor (log: Log, stages: Partial<Stages>) {
    this.#log = log
    this.#stages = stages
  }

  add (callback: () => unknown): void {
    this.#callbacks.push(callback)
  }

  async run (): Promise<void> {
    this.#again = true
    if (this.#running) return
    this.#running = true
    while (this.#again) {
      this.#again = false
      this.#log.info('reloading', { why: 'SIGHUP' })
      this.#stages.reloading?.()
      let failure: string | null = null
      for (const callback of this.#callbacks) failure = await this.#call(callback) ?? failure
      this.#log.info('reloaded')
      this.#stages.reloaded?.(failure)
    }
    this.#running = false
  }

  /** Why it failed. */
  async #call (callback: () => unknown): Promise<string | null> {
    try {
      const failure = await callback()
      return typeof failure === 'string' ? failure : null
    } catch (error) {
      this.#log.error('could not reload; what was loaded before stays in force', { reason: messageOf(error), error })
      return messageOf(error)
    }
  }
}
