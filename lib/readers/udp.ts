import { createSocket, type Socket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { codeOf, messageOf, StreamError } from '../errors.js'
import { batchOfBytes } from '../stream/batch.js'
import type { Batch, Context, Handler, Reader } from '../stream/contracts.js'
import { generatedReader } from '../stream/generated-reader.js'
import { PullQueue } from '../stream/pull-queue.js'
import { tidyLines } from '../stream/splitter.js'
import type { Uri } from '../stream/uri.js'
import { kernelDrops } from './udp-drops.js'

export interface UdpReaderParams {
  'receive-buffer': number
  queue: number
}

export interface UdpReader extends Reader {
  /** Where it is bound: tells the port when the URI says 0. */
  readonly address: AddressInfo
}

const dropsIntervalMs = 5000

/**
 * A datagram is one record, or several separated by newlines. What comes faster than it is pulled waits in a queue, then
 * in the kernel's receive buffer; what finds both full is dropped, counted as `lost` and logged. After the stop everything
 * that had reached the host by then is handed over.
 */
export const udpReader: Handler<UdpReaderParams, UdpReader> = {
  schemes: ['udp'],
  summary: 'Receives datagrams of one or more lines.',
  examples: ['udp://0.0.0.0:8421', 'udp://[::1]:8422?receive-buffer=33554432', 'udp://*:8421'],
  needs: ['port'],
  params: {
    type: 'object',
    properties: {
      'receive-buffer': { type: 'integer', minimum: 4096, maximum: 1 << 30, default: 8 << 20, description: 'Bytes that the kernel may hold while the daemon is busy. Linux grants no more than net.core.rmem_max.' },
      queue: { type: 'integer', minimum: 65_536, maximum: 1 << 30, default: 64 << 20, description: 'Bytes of records that wait for a slow consumer; what comes when it is full is lost, and counted.' }
    },
    additionalProperties: false
  },
  claims: ({ host, port }) => [{ kind: 'udp', host, port: port ?? 0 }],
  async open (uri, params, ctx) {
    const receiver = new Receiver(params.queue, uri, ctx)
    const address = await receiver.bind(params['receive-buffer'])
    const reader = generatedReader(receiver.batches(), { release: async () => { await receiver.close() } })
    ctx.log.info('listening', { uri: uri.text, address: address.address, port: address.port })
    return { ...reader, address }
  }
}

class Receiver {
  readonly #uri: Uri
  readonly #ctx: Context
  readonly #queue: PullQueue
  readonly #onStop = (): void => { void this.#drain() }
  #socket: Socket | null = null
  #address: AddressInfo | null = null
  #timer: NodeJS.Timeout | undefined
  #closing: Promise<void> | null = null
  #granted = 0
  #received = 0
  #drops = 0

  constructor (queueBytes: number, uri: Uri, ctx: Context) {
    this.#uri = uri
    this.#ctx = ctx
    this.#queue = new PullQueue({ records: Infinity, bytes: queueBytes })
  }

  async bind (receiveBuffer: number): Promise<AddressInfo> {
    const socket = await this.#open()
    this.#socket = socket
    this.#address = socket.address()
    this.#grant(socket, receiveBuffer)
    socket.on('error', cause => {
      this.#queue.end(new StreamError('cannot-read', `${this.#uri.text}: ${messageOf(cause)}`, { cause }))
    })
    this.#timer = setInterval(() => { void this.#countDrops() }, dropsIntervalMs).unref()
    this.#ctx.stop.addEventListener('abort', this.#onStop, { once: true })
    if (this.#ctx.stop.aborted) this.#onStop()
    return this.#address
  }

  async * batches (): AsyncGenerator<Batch> {
    for (let batch = await this.#queue.take(); batch !== null; batch = await this.#queue.take()) yield batch
  }

  async close (): Promise<void> {
    await (this.#closing ??= this.#release())
  }

  async #open (): Promise<Socket> {
    const { host, port, text } = this.#uri
    const onMessage = (message: Buffer): void => { this.#take(message) }
    try {
      if (host !== null && host !== '*') {
        const { address, family } = await lookup(host)
        return await bound(createSocket(family === 6 ? 'udp6' : 'udp4', onMessage), address, port ?? 0)
      }
      return await bound(createSocket('udp6', onMessage), '::', port ?? 0).catch(async (error: unknown) => {
        if (!['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(codeOf(error) ?? '')) throw error
        return await bound(createSocket('udp4', onMessage), '0.0.0.0', port ?? 0)
      })
    } catch (cause) {
      throw new StreamError('cannot-bind', `${text}: ${messageOf(cause)}`, { cause })
    }
  }

  /** Asks the kernel for the buffer. Linux grants twice what was asked, for its own book-keeping, and tells the double. */
  #grant (socket: Socket, asked: number): void {
    try {
      socket.setRecvBufferSize(asked)
    } catch {
      // other kernels refuse what Linux cuts down; what there is now is told below
    }
    const size = socket.getRecvBufferSize()
    this.#granted = process.platform === 'linux' ? size / 2 : size
    if (this.#granted >= asked) return
    const remedy = `sysctl -w net.core.rmem_max=${asked}`
    this.#ctx.log.info('the kernel granted a smaller receive buffer than asked', { uri: this.#uri.text, asked, granted: this.#granted, remedy })
  }

  #take (message: Buffer): void {
    this.#received += message.length
    const records = batchOfBytes(tidyLines(message))
    if (records === null) return
    if (!this.#queue.full) {
      this.#queue.push(records.payload, records.count)
    } else {
      this.#ctx.metrics.increment('lost', records.count)
      this.#ctx.log.error('datagrams were dropped: the consumer is too slow and the queue is full', { uri: this.#uri.text })
    }
  }

  /**
   * Takes what the kernel holds. It is empty when a whole turn of the event loop brought nothing; the first turn may have
   * begun before. No more than its buffer holds is waited for: the senders may go on for ever.
   */
  async #drain (): Promise<void> {
    const most = this.#received + this.#granted
    for (let quietTurns = 0; quietTurns < 2 && this.#received < most;) {
      const before = this.#received
      await new Promise<void>(resolve => setImmediate(resolve))
      quietTurns = this.#received === before ? quietTurns + 1 : 0
    }
    await this.close()
  }

  async #countDrops (): Promise<void> {
    const drops = this.#address === null ? null : await kernelDrops(this.#address)
    if (drops === null || drops <= this.#drops) return
    const lost = drops - this.#drops
    this.#drops = drops
    this.#ctx.metrics.increment('lost', lost)
    this.#ctx.log.error('the kernel dropped datagrams: the receive buffer was full', { uri: this.#uri.text, lost })
  }

  async #release (): Promise<void> {
    this.#ctx.stop.removeEventListener('abort', this.#onStop)
    clearInterval(this.#timer)
    await this.#countDrops()
    this.#queue.end()
    const socket = this.#socket
    if (socket !== null) await new Promise<void>(resolve => { socket.close(resolve) })
  }
}

async function bound (socket: Socket, address: string, port: number): Promise<Socket> {
  try {
    socket.bind({ port, address })
    await once(socket, 'listening')
    return socket
  } catch (error) {
    socket.close()
    throw error
  }
}
