import type { Readable } from 'node:stream'
import { messageOf, StreamError } from '../errors.js'

const events = ['readable', 'end', 'close', 'error'] as const

/**
 * What a byte stream holds whenever it holds something, in one piece: more when the consumer is slower, at most about the
 * stream's high-water mark. After `stop` it gives what the stream has read already, then destroys it. An error of the
 * stream's, called `what`, becomes a `StreamError`.
 */
export async function * chunksOf (stream: Readable, what: string, stop: AbortSignal): AsyncGenerator<Buffer> {
  let wake = (): void => {}
  const onEvent = (): void => { wake() }
  for (const event of events) stream.on(event, onEvent)
  stop.addEventListener('abort', onEvent)
  try {
    while (!stop.aborted) {
      const chunk = stream.read() as Buffer | null
      if (chunk !== null) yield chunk
      else if (stream.errored !== null) throw new StreamError('cannot-read', `${what} cannot be read: ${messageOf(stream.errored)}`, { cause: stream.errored })
      else if (stream.readableEnded || stream.destroyed) return
      else await new Promise<void>(resolve => { wake = resolve })
    }
    const rest = stream.read() as Buffer | null
    // before the yield: what the stream would read meanwhile, nobody would get
    stream.destroy()
    if (rest !== null) yield rest
  } finally {
    stop.removeEventListener('abort', onEvent)
    stream.destroy()
  }
}
