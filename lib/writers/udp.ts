import { createSocket, type Socket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { codeOf, messageOf, StreamError } from '../errors.js'
import { recordsOf } from '../stream/batch.js'
import type { Batch, Context, Writer, WriterHandler } from '../stream/contracts.js'
import { streamOf, type Uri } from '../stream/uri.js'
import { accepted } from './longest.js'

/** UDP's length field has 16 bits; 8 bytes are its header, 20 the IPv4 header (RFC 768, RFC 791). */
const longestDatagram = 65_507
const longest = { bytes: longestDatagram, code: 'refused-by-store', takes: `a datagram at most ${longestDatagram}` } as const
/** Datagrams that the socket has and the kernel has not. */
const inFlightLimit = 256
/** A target that refuses is looked up again at most this often, in milliseconds. */
const renewMs = 5000

/**
 * A datagram a record, to wherever the name leads; nobody confirms them. What the kernel is known to have dropped is counted
 * as `lost` and logged. A record that fits no datagram goes to the dead letters.
 */
export const udpWriter: WriterHandler = {
  schemes: ['udp'],
  summary: 'Sends a datagram a record; nobody confirms that it has come.',
  examples: ['udp://logs.example.org:8421', 'udp://[2001:db8::1]:8421'],
  needs: ['host', 'port'],
  params: { type: 'object', properties: {}, additionalProperties: false },
  async open (uri, _params, ctx) {
    const writer = new UdpWriter(uri, ctx)
    await writer.connect()
    ctx.defer(uri.text, async () => { await writer.close() })
    return writer
  }
}

class UdpWriter implements Writer {
  readonly keepsBooks = true
  readonly #uri: Uri
  readonly #ctx: Context
  #socket: Socket | null = null
  #inFlight = 0
  #renewAt = 0
  #refused = false
  #wake: (() => void) | null = null

  constructor (uri: Uri, ctx: Context) {
    this.#uri = uri
    this.#ctx = ctx
  }

  async connect (): Promise<void> {
    const { host, port, text } = this.#uri
    try {
      const { address, family } = await lookup(host ?? '')
      const socket = createSocket(family === 6 ? 'udp6' : 'udp4')
      socket.on('error', error => { this.#lose(error) })
      socket.connect(port ?? 0, address)
      await once(socket, 'connect')
      this.#socket?.close()
      this.#socket = socket
      this.#refused = false
      this.#renewAt = Date.now() + renewMs
    } catch (cause) {
      throw new StreamError('cannot-connect', `${text}: ${messageOf(cause)}`, { cause })
    }
  }

  async write (batch: Batch): Promise<void> {
    if (this.#refused && Date.now() >= this.#renewAt) await this.#renew()
    const fit = accepted(batch, streamOf(this.#uri.text), longest, this.#ctx)
    for (const record of fit === null ? [] : recordsOf(fit)) {
      this.#send(record)
      if (this.#inFlight >= inFlightLimit) await this.#below(inFlightLimit)
    }
  }

  async flush (): Promise<void> {
    await this.#below(1)
  }

  async close (): Promise<void> {
    await this.flush()
    this.#socket?.close()
    this.#socket = null
  }

  #send (record: Buffer): void {
    if (this.#socket === null) throw new StreamError('cannot-write', `${this.#uri.text} is closed`)
    this.#inFlight++
    this.#socket.send(record, error => {
      this.#inFlight--
      if (error !== null) {
        this.#lose(error)
        // the refusal was of a datagram before, and is told once; this one has not been sent
        if (codeOf(error) === 'ECONNREFUSED') this.#send(record)
      }
      this.#wake?.()
    })
  }

  async #below (limit: number): Promise<void> {
    while (this.#inFlight >= limit) await new Promise<void>(resolve => { this.#wake = resolve })
    this.#wake = null
  }

  async #renew (): Promise<void> {
    try {
      await this.flush()
      await this.connect()
    } catch (error) {
      this.#renewAt = Date.now() + renewMs
      this.#ctx.log.warn('the address cannot be looked up again; sending to the old one', { uri: this.#uri.text, reason: messageOf(error) })
    }
  }

  #lose (error: Error): void {
    this.#refused = true
    this.#ctx.metrics.increment('lost')
    this.#ctx.log.error('a datagram was refused, or could not be sent, and is lost', { uri: this.#uri.text, code: codeOf(error), reason: error.message })
  }
}
