import { Daemon, type Note } from './daemon.js'
import type { Plan } from './topology.js'

/** The daemons, in the order in which events pass through them. */
export interface Pipeline {
  readonly daemons: readonly Daemon[]
  /** Aborted, with the reason, when a daemon cannot go on. */
  readonly failed: AbortSignal
  /**
   * Resolves when all are ready and have joined their streams, so that the first record reaches every end; or when one has
   * failed. Not the time tells, but the logs: `ready`, and `connected` of every ZeroMQ subscriber.
   */
  start (): Promise<void>
  /** Stops one after the other along the stream, so that each gets what the one before it still hands over. */
  stop (onStopped: (daemon: Daemon) => void): Promise<void>
}

export function createPipeline (plans: readonly Plan[], note: Note): Pipeline {
  const daemons = plans.map(plan => new Daemon(plan, note))
  const failure = new AbortController()
  const fail = (error: unknown): void => { failure.abort(error) }
  const [entrance, ...others] = daemons

  return {
    daemons,
    failed: failure.signal,
    // nothing may come in before everything behind the entrance is there
    async start () {
      await Promise.all(others.map(async daemon => { await daemon.start(fail) }))
      if (failure.signal.aborted) return
      await entrance?.start(fail)
      if (failure.signal.aborted) return
      await Promise.all(daemons.map(async daemon => { await daemon.joined() }))
    },
    async stop (onStopped) {
      for (const daemon of daemons) {
        await daemon.stop()
        onStopped(daemon)
      }
    }
  }
}
