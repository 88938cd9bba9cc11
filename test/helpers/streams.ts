import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { Subscriber, XPublisher } from 'zeromq'
import type { Batch, Reader } from '../../lib/stream/contracts.js'

/** Pulls from a reader as a daemon does: one batch at a time, and only when asked. */
export interface Puller {
  readonly batches: Batch[]
  /** Pulls until there are so many records that were not given before, or the reader ends; gives all there are. */
  take (count: number): Promise<string[]>
  /** Pulls to the end. */
  rest (): Promise<string[]>
}

export function pull (reader: Reader): Puller {
  const iterator = reader[Symbol.asyncIterator]()
  const batches: Batch[] = []

  async function take (count: number): Promise<string[]> {
    const lines: string[] = []
    while (lines.length < count) {
      const { done, value } = await iterator.next()
      if (done === true) break
      batches.push(value)
      lines.push(...value.lines())
    }
    return lines
  }

  return { batches, take, rest: async () => await take(Infinity) }
}

/** A directory that ends with the test. Its path is short enough for a socket's, which that of `t.testdir` is not. */
export function shortDirectory (t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'vanadium-'))
  t.teardown(() => { rmSync(directory, { recursive: true, force: true }) })
  return directory
}

/** A ZeroMQ publisher that is told who subscribes; ends with the test. */
export interface TestPublisher {
  readonly socket: XPublisher
  readonly endpoint: string
  /** Resolves with the prefix of the next subscription. */
  joined (): Promise<string>
  send (...messages: Array<string | Buffer | Array<string | Buffer>>): Promise<void>
}

export async function bindPublisher (t: Test, endpoint = 'tcp://127.0.0.1:0'): Promise<TestPublisher> {
  const socket = new XPublisher({ sendHighWaterMark: 0, linger: 1000 })
  t.teardown(() => { socket.close() })
  await socket.bind(endpoint)
  return testPublisher(socket)
}

export function connectPublisher (t: Test, endpoint: string): TestPublisher {
  const socket = new XPublisher({ sendHighWaterMark: 0, linger: 1000 })
  t.teardown(() => { socket.close() })
  socket.connect(endpoint)
  return testPublisher(socket)
}

function testPublisher (socket: XPublisher): TestPublisher {
  return {
    socket,
    endpoint: socket.lastEndpoint ?? '',
    async joined () {
      for (;;) {
        const [message] = await socket.receive()
        if (message?.[0] === 1) return message.subarray(1).toString()
      }
    },
    async send (...messages) {
      for (const message of messages) await socket.send(message)
    }
  }
}

/** A ZeroMQ subscriber with nothing of ours in it; ends with the test. */
export interface TestSubscriber {
  readonly socket: Subscriber
  /** Calls `write`, which writes the same each time, until it arrives: the publisher then knows of this subscriber. */
  join (write: () => Promise<void>): Promise<void>
  /** The next so many messages, as text; each must be one frame. Without what `join` had written, which may come late. */
  take (count: number): Promise<string[]>
}

/** With `heldMessages` its socket holds so many at most, and leaves the others to the publisher. */
export function connectSubscriber (t: Test, endpoint: string, heldMessages = 0): TestSubscriber {
  return testSubscriber(t, socket => {
    socket.receiveHighWaterMark = heldMessages
    socket.connect(endpoint)
  })
}

export async function bindSubscriber (t: Test, endpoint = 'tcp://127.0.0.1:0'): Promise<TestSubscriber> {
  const subscriber = testSubscriber(t, () => {})
  await subscriber.socket.bind(endpoint)
  return subscriber
}

function testSubscriber (t: Test, open: (socket: Subscriber) => void): TestSubscriber {
  const socket = new Subscriber({ receiveHighWaterMark: 0, linger: 0 })
  t.teardown(() => { socket.close() })
  socket.subscribe()
  open(socket)
  let probe: string | null = null

  async function next (timeoutMs: number): Promise<string | null> {
    socket.receiveTimeout = timeoutMs
    try {
      const frames = await socket.receive()
      if (frames.length !== 1) throw new Error(`a message has ${frames.length} frames`)
      return String(frames[0])
    } catch (error) {
      if ((error as { code?: unknown }).code === 'EAGAIN') return null
      throw error
    }
  }

  return {
    socket,
    async join (write) {
      do {
        await write()
        probe = await next(20)
      } while (probe === null)
    },
    async take (count) {
      const messages: string[] = []
      while (messages.length < count) {
        const message = await next(10_000)
        if (message === null) throw new Error(`only ${messages.length} of ${count} messages came`)
        if (message !== probe) messages.push(message)
      }
      return messages
    }
  }
}
