import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError, exitCodes } from '../../lib/errors.js'
import { Backoff } from '../../lib/stream/backoff.js'
import { follow, lastWords, sizeOf } from './log-file.js'
import { urisOf, type Plan } from './topology.js'

export type DaemonState = 'starting' | 'up' | 'waiting' | 'stopped'

/** What happened, and what the log said at it, for whoever looks on. */
export type Note = (text: string, said?: readonly string[]) => void

/** This program, compiled. */
const executable = join(import.meta.dirname, '..', '..', 'vanadium.js')
/** A daemon that was up this long is started again without a longer wait. */
const steadyMs = 10_000
/** To stop takes a daemon less, however much it has to write; what still runs then is hung. */
const hungMs = 12_000
const lastLines = 4

interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** Where in the log this life began. */
  readonly logOffset: number
  readonly lifeMs: number
}

/**
 * A daemon as a child process that is started again when it dies. It has a session of its own, so that Ctrl-C does not
 * reach it before its turn, and an IPC channel that is never used but closes with this process (`lib/cli/parent.ts`).
 */
export class Daemon {
  readonly plan: Plan
  readonly label: string
  #state: DaemonState = 'starting'
  #restarts = 0
  #child: ChildProcess | null = null
  #lives: Promise<void> = Promise.resolve()
  readonly #stopping = new AbortController()
  readonly #ready = new AbortController()
  readonly #joined = new AbortController()
  readonly #note: Note

  constructor (plan: Plan, note: Note) {
    this.plan = plan
    this.label = `${plan.daemon} ${plan.instance}`
    this.#note = note
  }

  get state (): DaemonState {
    return this.#state
  }

  get restarts (): number {
    return this.#restarts
  }

  /**
   * Starts it, and again whenever it dies. Resolves when it is ready for the first time, or will never be. `onFailure` is
   * called when it cannot go on: its configuration is bad (`ConfigError`), or no process can be started.
   */
  async start (onFailure: (error: unknown) => void): Promise<void> {
    this.#lives = this.#liveOn().catch(onFailure).finally(() => {
      this.#state = 'stopped'
      this.#ready.abort()
      this.#joined.abort()
    })
    await aborted(this.#ready.signal)
  }

  /** Resolves when it has connected to all streams that it reads, or never will. */
  async joined (): Promise<void> {
    await aborted(this.#joined.signal)
  }

  /** Resolves when it has ended, and what it had taken is written. */
  async stop (): Promise<void> {
    this.#stopping.abort()
    this.#child?.kill('SIGTERM')
    const hung = setTimeout(() => {
      this.#note(`${this.label} does not stop: it is killed`)
      this.#child?.kill('SIGKILL')
    }, hungMs)
    await this.#lives
    clearTimeout(hung)
  }

  async #liveOn (): Promise<void> {
    const backoff = new Backoff({ firstMs: 500, mostMs: 10_000 })
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const ending = await this.#live()
      if (signal.aborted) return
      this.#state = 'waiting'
      await this.#complain(ending)
      if (ending.lifeMs > steadyMs) backoff.reset()
      if (await backoff.wait(signal)) this.#restarts++
    }
  }

  async #live (): Promise<Ending> {
    const { daemon, instance, argumentFile, logFile } = this.plan
    const logOffset = await sizeOf(logFile)
    const log = await open(logFile, 'a')
    const over = new AbortController()
    try {
      this.#state = 'starting'
      const child = spawn(process.execPath, [executable, daemon, '--name', instance, `@${argumentFile}`], {
        stdio: ['ignore', 'ignore', log.fd, 'ipc'],
        detached: true
      })
      this.#child = child
      if (this.#stopping.signal.aborted) child.kill('SIGTERM')
      const startedAt = Date.now()
      const [exit] = await Promise.all([
        once(child, 'exit').finally(() => { over.abort() }),
        this.#watch(logOffset, over.signal)
      ])
      const [code, signal] = exit as [number | null, NodeJS.Signals | null]
      return { code, signal, logOffset, lifeMs: Date.now() - startedAt }
    } finally {
      this.#child = null
      await log.close()
    }
  }

  /** Looks into the log until the daemon is ready and has joined its streams. */
  async #watch (logOffset: number, over: AbortSignal): Promise<void> {
    const missing = new Set(urisOf(this.plan, 'input').filter(uri => uri.startsWith('tcp:')))
    for await (const { message, uri } of follow(this.plan.logFile, logOffset, over)) {
      if (message === 'connected') missing.delete(String(uri))
      if (message === 'ready') {
        this.#state = 'up'
        this.#ready.abort()
      }
      if (this.#state === 'up' && missing.size === 0) {
        this.#joined.abort()
        return
      }
    }
  }

  async #complain ({ code, signal, logOffset }: Ending): Promise<void> {
    const said = await lastWords(this.plan.logFile, logOffset, lastLines)
    if (code === exitCodes.config) throw new ConfigError('bad-option', `${this.label} cannot run so: ${said.at(-1) ?? 'it does not say why'}`)
    this.#note(`${this.label} ${signal === null ? `ended with exit code ${code}` : `was killed by ${signal}`}; it is started again`, said)
  }
}

/** Resolves when the signal is aborted, at once if it is already. */
export async function aborted (signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}
