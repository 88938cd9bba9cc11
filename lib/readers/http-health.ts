export interface Health {
  readonly status: 200 | 503
  readonly text: string
}

export interface Progress {
  /** How long the oldest event that is not safe downstream has waited; 0 if there is none. */
  readonly oldestMs: number
  /** How many events are not safe downstream. */
  readonly waiting: number
  readonly isStopping: boolean
}

/** What `GET /healthz` answers: 200 as long as events get through, for load balancers. */
export function healthOf ({ oldestMs, waiting, isStopping }: Progress, limitMs: number): Health {
  const state = isStopping ? 'stopping' : oldestMs >= limitMs ? 'stuck' : 'ok'
  return {
    status: state === 'ok' ? 200 : 503,
    text: `${JSON.stringify({ state, oldest_seconds: Math.round(oldestMs / 100) / 10, waiting })}\n`
  }
}

export const healthHeaders = { 'Content-Type': 'application/json', 'X-Content-Type-Options': 'nosniff', 'Cache-Control': 'no-store' }
