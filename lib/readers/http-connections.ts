import type { Socket } from 'node:net'
import type { Answers, Refusal } from './http-answers.js'
import { Connection, type ConnectionLimits, type Idle } from './http-connection.js'
import { sourceOf } from './http-rate.js'

export interface ConnectionsLimits extends ConnectionLimits {
  readonly connections: number
  /** Of one source; Infinity where proxies stand before the reader. */
  readonly connectionsPerAddress: number
}

interface Source {
  count: number
  readonly idle: Idle
}

/**
 * All connections that were let in. One that has no request under way makes room for a new one: clients have to expect that
 * (RFC 9112, section 9.5), and try again.
 */
export class Connections {
  readonly #limits: ConnectionsLimits
  readonly #answers: Answers
  readonly #open = new Map<Socket, Connection>()
  readonly #sources = new Map<string, Source>()
  readonly #idle: Idle = new Set()

  constructor (limits: ConnectionsLimits, answers: Answers) {
    this.#limits = limits
    this.#answers = answers
  }

  /** Lets it in, or says what to answer. */
  admit (socket: Socket): Refusal | null {
    const name = sourceOf(socket.remoteAddress?.replace(/^::ffff:/i, '') ?? '')
    const known = this.#sources.get(name)
    if (known !== undefined && known.count >= this.#limits.connectionsPerAddress && !makesRoom(known.idle)) return 429
    if (this.#open.size >= this.#limits.connections && !makesRoom(this.#idle)) return 503
    // what made room may have been the last one of the source
    const source = this.#sources.get(name) ?? { count: 0, idle: new Set() }
    this.#sources.set(name, source)
    source.count++
    const leave = (): void => { this.#leave(socket, name, source) }
    this.#open.set(socket, new Connection(socket, { limits: this.#limits, answers: this.#answers, idle: [this.#idle, source.idle], leave }))
    socket.once('close', leave)
    return null
  }

  of (socket: Socket): Connection | undefined {
    return this.#open.get(socket)
  }

  #leave (socket: Socket, name: string, source: Source): void {
    const connection = this.#open.get(socket)
    if (connection === undefined) return
    this.#open.delete(socket)
    this.#idle.delete(connection)
    source.idle.delete(connection)
    if (--source.count === 0) this.#sources.delete(name)
  }
}

function makesRoom (idle: Idle): boolean {
  for (const connection of idle) if (connection.giveWay()) return true
  return false
}
