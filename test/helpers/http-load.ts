import { connect } from 'node:net'

export interface Load {
  readonly port: number
  /** Each has one request under way at a time. */
  readonly connections: number
  readonly requests: number
  /** A whole request. */
  readonly request: (n: number) => string
  /** Told of every answer; may stop it all by throwing. */
  readonly answered?: (n: number, status: number) => void
}

export interface Outcome {
  /** How many answers there were of each status. */
  readonly statuses: ReadonlyMap<number, number>
  /** Requests without an answer: the connection was cut. */
  readonly unanswered: number
}

/**
 * Sends requests over connections that are kept alive, and made anew where the server ends them. Bare sockets: a client that understood
 * more would take longer than the server.
 */
export async function sendLoad ({ port, connections, requests, request, answered = () => {} }: Load): Promise<Outcome> {
  const statuses = new Map<number, number>()
  let [next, unanswered] = [0, 0]

  async function keepAsking (): Promise<void> {
    while (next < requests) await overOneConnection()
  }

  async function overOneConnection (): Promise<void> {
    await new Promise<void>(resolve => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true })
      let [current, heard] = [-1, '']
      const ask = (): void => {
        if (next >= requests) {
          socket.destroy()
          return
        }
        current = next++
        socket.write(request(current), 'latin1')
      }
      const hear = (data: string): void => {
        heard += data
        if (!isWhole(heard)) return
        const status = Number(heard.slice(9, 12))
        const isLast = heard.includes('\r\nConnection: close\r\n')
        heard = ''
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        answered(current, status)
        current = -1
        if (isLast) socket.destroy()
        else ask()
      }
      socket.setEncoding('latin1').on('connect', ask).on('data', hear).on('error', () => {}).on('close', () => {
        if (current !== -1) unanswered++
        // nobody listens any more: the rest would be refused one by one
        if (socket.bytesRead === 0 && socket.bytesWritten === 0) next = requests
        resolve()
      })
    })
  }

  await Promise.all(Array.from({ length: connections }, keepAsking))
  return { statuses, unanswered }
}

/** What is refused has a text, and says how long it is. */
function isWhole (heard: string): boolean {
  const end = heard.indexOf('\r\n\r\n')
  if (end === -1) return false
  const length = /\r\nContent-Length: (\d+)\r\n/.exec(heard)?.[1] ?? 0
  return heard.length >= end + 4 + Number(length)
}
