import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Owner } from './daemon.js'

/** What was asked of `/render`. */
export interface Question {
  readonly path: string
  readonly targets: readonly string[]
  readonly from: string
  readonly until: string
  readonly format: string
  readonly authorization: string | undefined
}

export interface RenderServer {
  /** Base URL, as of graphite-web. */
  readonly url: string
  readonly asked: readonly Question[]
}

/** Values of a series, oldest first, by target. */
export type Values = Readonly<Record<string, ReadonlyArray<number | null>>>

/** An HTTP server in the place of graphite-web, for answers that the real one gives only when it is ill. Ends with the test. */
export async function startRenderServer (t: Owner, answer: (response: ServerResponse, question: Question) => void): Promise<RenderServer> {
  const asked: Question[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => { body += text }).on('end', () => {
      const fields = new URLSearchParams(body)
      const question = {
        path: request.url ?? '',
        targets: fields.getAll('target'),
        from: fields.get('from') ?? '',
        until: fields.get('until') ?? '',
        format: fields.get('format') ?? '',
        authorization: request.headers.authorization
      }
      asked.push(question)
      answer(response, question)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

/** Answers with these series, a point a minute, the last one a minute before `until` if that is a number. */
export function sendSeries (response: ServerResponse, values: Values, until = String(Math.floor(Date.now() / 1000))): void {
  const end = Math.floor(Number(until) / 60) * 60
  const series = Object.entries(values).map(([target, list]) => ({ target, datapoints: list.map((value, at) => [value, end - (list.length - at) * 60]) }))
  response.setHeader('content-type', 'application/json').end(JSON.stringify(series))
}

export function fifteen (value: number | null): Array<number | null> {
  return Array.from({ length: 15 }, () => value)
}
