import type { IncomingMessage } from 'node:http'
import { GrowingBuffer } from '../stream/growing-buffer.js'

export interface BodyLimits {
  /** Bytes of one body. */
  readonly most: number
  /** Bytes of all bodies that are being received at one time. */
  readonly together: number
}

/** Receives request bodies within bounds. */
export class Bodies {
  readonly #limits: BodyLimits
  #held = 0

  constructor (limits: BodyLimits) {
    this.#limits = limits
  }

  /**
   * Calls back once: with the body, with `too-large`, or with `busy` when all bodies together are at their limit. Never
   * when the client goes away first.
   */
  receive (request: IncomingMessage, done: (body: Buffer | 'too-large' | 'busy') => void): void {
    const { most, together } = this.#limits
    if (Number(request.headers['content-length'] ?? 0) > most) return done('too-large')
    const body = new GrowingBuffer(most)
    let ended = false

    const end = (result: Buffer | 'too-large' | 'busy' | null): void => {
      if (ended) return
      ended = true
      this.#held -= body.length
      if (result !== null) done(result)
    }
    request.on('data', (chunk: Buffer) => {
      if (ended) return
      if (body.length + chunk.length > most) return end('too-large')
      if (this.#held + chunk.length > together) return end('busy')
      this.#held += chunk.length
      body.append(chunk)
    })
    request.on('end', () => { end(body.bytes) })
    request.on('close', () => { end(null) })
  }
}
