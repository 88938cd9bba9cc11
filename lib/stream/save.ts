import { StreamError } from '../errors.js'
import { Backoff } from './backoff.js'
import type { Context } from './contracts.js'
import type { State } from './state.js'

/** How long a full disk is still waited for when the daemon has been told to stop, in milliseconds. */
const graceMs = 10_000
/** As it is said to be waited for. */
const disk = 'room on the disk of --state'

/** Saves, and while the disk is full waits for room: nothing more is taken from the inputs meanwhile. */
export async function saveWithPatience (state: State, { log, stop, waiting }: Pick<Context, 'log' | 'stop' | 'waiting'>): Promise<void> {
  const full = attempt(state)
  if (full === null) return
  const since = new Date()
  const patience = new AbortController()
  const endPatience = (): void => { setTimeout(() => { patience.abort() }, graceMs).unref() }
  if (stop.aborted) endPatience()
  else stop.addEventListener('abort', endPatience, { once: true })

  const backoff = new Backoff({ firstMs: 500, mostMs: 5000 })
  try {
    for (let error: StreamError | null = full; error !== null; error = attempt(state)) {
      log.error('the disk of --state is full; no input is taken until there is room', { since: since.toISOString(), reason: error.message })
      waiting(disk, error.message)
      if (!await backoff.wait(patience.signal)) throw error
    }
    log.info('there is room again for the state', { seconds: Math.round((Date.now() - since.getTime()) / 1000) })
  } finally {
    waiting(disk, null)
    stop.removeEventListener('abort', endPatience)
  }
}

/** Null if it is saved, the error if the disk is full. */
function attempt (state: State): StreamError | null {
  try {
    state.save()
    return null
  } catch (error) {
    if (error instanceof StreamError && error.code === 'no-space') return error
    throw error
  }
}
