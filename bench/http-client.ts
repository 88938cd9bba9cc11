/** The client of the http reader's benchmark: `PORT CONNECTIONS REQUESTS`. Prints requests a second; ends with 1 if one was not confirmed. */
import { sendLoad } from '../test/helpers/http-load.js'
import { clientLine } from './lines.js'
import { perSecond } from './measure.js'

const [port = 0, connections = 0, requests = 0] = process.argv.slice(2).map(Number)
const lines = Array.from({ length: 1000 }, (_, n) => requestOf(clientLine(n)))

const since = process.hrtime.bigint()
const { statuses, unanswered } = await sendLoad({ port, connections, requests, request: n => lines[n % lines.length] ?? '' })
process.stdout.write(`${perSecond(requests, since)}\n`)
if (statuses.get(204) !== requests) {
  process.stderr.write(`of ${requests} requests ${unanswered} had no answer, and the others: ${JSON.stringify([...statuses])}\n`)
  process.exitCode = 1
}

/** What the browser sends of which varnishncsa would print this line. */
function requestOf (line: string): string {
  const [query = '', , , , , ...agent] = line.split(' ')
  return `GET /event.gif${query} HTTP/1.1\r\nHost: beacon.example.org\r\nUser-Agent: ${agent.join(' ')}\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate, br\r\nReferer: https://www.example.org/wiki/Page\r\n\r\n`
}
