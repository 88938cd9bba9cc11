import type { IncomingMessage } from 'node:http'
import { GrowingBuffer } from '../stream/growing-buffer.js'

export interface BodyLimits {
  /** Bytes of one body. */
  readonly most: number
  /** Bytes of all bodies that are being received at one time. */
  readonly together: number
}

type Outcome = Buffer | 'too-large' | 'busy'

interface Receipt {
  readonly body: GrowingBuffer
  /** Null if the client has gone. */
  end (outcome: Outcome | null): void
}

/**
 * Receives request bodies within bounds. When all together are at their limit, the one that takes longest is given up: who sends
 * slowly on purpose stands in nobody's way.
 */
export class Bodies {
  readonly #limits: BodyLimits
  /** The oldest first. */
  readonly #receipts = new Set<Receipt>()
  #held = 0

  constructor (limits: BodyLimits) {
    this.#limits = limits
  }

  /** Whether it says so before it comes. */
  isTooLarge ({ headers }: IncomingMessage): boolean {
    return Number(headers['content-length'] ?? 0) > this.#limits.most
  }

  /** Calls back once: with the body, with `too-large`, or with `busy` when it was given up. Never when the client goes away first. */
  receive (request: IncomingMessage, done: (outcome: Outcome) => void): void {
    const { most, together } = this.#limits
    const body = new GrowingBuffer(most)
    const receipts = this.#receipts
    const receipt: Receipt = {
      body,
      end: outcome => {
        if (!receipts.delete(receipt)) return
        this.#held -= body.length
        if (outcome !== null) done(outcome)
      }
    }
    receipts.add(receipt)
    request.on('data', (chunk: Buffer) => {
      if (!receipts.has(receipt)) return
      if (body.length + chunk.length > most) return receipt.end('too-large')
      this.#held += chunk.length
      body.append(chunk)
      if (this.#held > together) this.#giveUpOldest()
    })
    request.on('end', () => { receipt.end(body.bytes) })
    request.on('close', () => { receipt.end(null) })
  }

  #giveUpOldest (): void {
    for (const receipt of this.#receipts) {
      if (this.#held <= this.#limits.together) return
      // those that have not begun hold nothing
      if (receipt.body.length > 0) receipt.end('busy')
    }
  }
}
