import { once } from 'node:events'
import { request, type IncomingHttpHeaders, type IncomingMessage, type RequestOptions } from 'node:http'
import { connect, type Socket, type TcpNetConnectOpts } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import { compileFormat } from '../../lib/event/line-format.js'
import { httpReader, type HttpReader } from '../../lib/readers/http.js'
import type { Batch, Context, Reader } from '../../lib/stream/contracts.js'
import { Schemes } from '../../lib/stream/schemes.js'
import { testContext, type TestContext } from './context.js'

/** Only the http reader. */
export const readers = new Schemes<Reader>('reader').add(httpReader)
const format = compileFormat('%q %{recvFrom}s %{seqId}d %t %{ip}s %{userAgent}i')
/** As it stands in a query. */
export const event = '%7B%22schema%22%3A%22Test%22%7D'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Line {
  readonly query: string
  readonly recvFrom: string
  readonly seqId: number
  readonly time: string
  readonly ip: string
  readonly userAgent: string
}

export async function openReader (t: Test, options = '', { state }: Partial<Context> = {}): Promise<{ reader: HttpReader, ctx: TestContext, port: number }> {
  const ctx = testContext(state === undefined ? {} : { state })
  t.teardown(async () => { await ctx.end() })
  const reader = await readers.open(`http://127.0.0.1:0/?${options}`, ctx) as HttpReader
  t.teardown(async () => { await reader.close() })
  return { reader, ctx, port: reader.address.port }
}

export function linesOf (batch: Batch): Line[] {
  return batch.lines().map(line => {
    const match = format.match(line)
    if (match === null) throw new Error(`not a line: ${line}`)
    const [recvFrom = '', seqId = '', time = '', ip = '', userAgent = ''] = match.fields
    return { query: match.capsule.slice(1), recvFrom, seqId: Number(seqId), time, ip, userAgent }
  })
}

/** Pulls and keeps what comes, as a daemon with the fastest of writers. */
export function consume (reader: Reader): { lines: Line[], ended: Promise<void> } {
  const lines: Line[] = []
  const run = async (): Promise<void> => { for await (const batch of reader) lines.push(...linesOf(batch)) }
  return { lines, ended: run() }
}

export async function send (port: number, method: string, path: string, { body, ...options }: RequestOptions & { body?: string | Buffer } = {}): Promise<Answer> {
  const sent = request({ port, host: '127.0.0.1', method, path, ...options })
  // a refused body may break the connection when the answer is here already
  sent.on('error', () => {})
  sent.end(body)
  const [response] = await once(sent, 'response') as [IncomingMessage]
  return { status: response.statusCode ?? 0, headers: response.headers, body: await text(response) }
}

/** Says something that no client would, and gives all that comes back until the connection ends. */
export async function say (port: number, ...pieces: Array<string | Buffer>): Promise<string> {
  const socket: Socket = connect(port, '127.0.0.1')
  for (const piece of pieces) socket.write(piece)
  return await text(socket)
}

/** A connection on which anything can be said, and what came back on it so far. */
export interface Talk {
  readonly socket: Socket
  readonly heard: string
  /** Resolves with everything when the other side has ended it, in whatever way. */
  readonly ended: Promise<string>
}

/** Ends with the test. `localAddress` lets a client come from another address: on Linux all of 127.0.0.0/8 is this host. */
export function talk (t: Test, port: number, words: string | Buffer = '', options: Partial<TcpNetConnectOpts> = {}): Talk {
  const socket = connect({ port, host: '127.0.0.1', ...options })
  t.teardown(() => { socket.destroy() })
  let heard = ''
  socket.setEncoding('latin1').on('data', (data: string) => { heard += data }).on('error', () => {})
  const ended = once(socket, 'close').then(() => heard)
  if (words.length > 0) socket.write(words)
  return { socket, get heard () { return heard }, ended }
}

/** The status of each answer in what was heard. */
export function statuses (heard: string): number[] {
  return (heard.match(/(?<=^HTTP\/1\.1 |\nHTTP\/1\.1 )\d+/g) ?? []).map(Number)
}
