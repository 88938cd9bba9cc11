import { Subscriber } from 'zeromq'

/** An invalid event, as its `EventError` tells of it. */
export interface LastError {
  readonly schema: string
  readonly message: string
  readonly atMs: number
}

export interface ErrorWatch {
  /** The last one that came; null before the first. */
  readonly last: LastError | null
  close (): Promise<void>
}

/** Larger messages are no events of ours; the socket drops the peer that sends them. */
const mostBytes = 1 << 20

/** Reads the stream of all events as anybody can, with the zeromq package alone, and keeps the last event error. */
export function watchErrors (stream: string): ErrorWatch {
  const socket = new Subscriber({ maxMessageSize: mostBytes })
  socket.connect(stream)
  socket.subscribe()
  let last: LastError | null = null

  const reading = (async () => {
    for await (const [message] of socket) {
      last = errorIn(message?.toString() ?? '') ?? last
    }
  })()

  return {
    get last () { return last },
    async close () {
      socket.close()
      await reading
    }
  }
}

function errorIn (json: string): LastError | null {
  if (!json.includes('"EventError"')) return null
  try {
    const { schema, event } = JSON.parse(json) as { schema: unknown, event: Record<string, unknown> }
    if (schema !== 'EventError') return null
    return { schema: String(event['schema']), message: String(event['message']), atMs: Date.now() }
  } catch {
    return null
  }
}
