import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import t from 'tap'
import { runCheck } from '../../helpers/check-command.js'
import { isPlugInOutput } from '../../helpers/plug-in-output.js'
import { freePort } from '../../helpers/ports.js'
import { startRenderServer, type Question } from '../../helpers/render-server.js'

const unknown = 3

/** What an ill Graphite does, and what is said. */
const ills: ReadonlyArray<readonly [string, (response: ServerResponse, question: Question) => void, RegExp]> = [
  ['answers 500', response => { response.writeHead(500).end('Traceback (most recent call last):\n  at line 1') }, /^UNKNOWN: Graphite answered 500, at http:/],
  ['answers 404', response => { response.writeHead(404).end() }, /^UNKNOWN: Graphite answered 404, at http:/],
  ['sends elsewhere', response => { response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end() }, /^UNKNOWN: Graphite answered 302, at http:/],
  ['never answers', () => {}, /^UNKNOWN: Graphite did not answer in 0.9 s, at http:/],
  ['stops in the middle of an answer', response => { response.writeHead(200).write('[{"target":') }, /^UNKNOWN: Graphite did not answer in 0.9 s, at http:/],
  ['hangs up in the middle of an answer', response => { response.writeHead(200, { 'content-length': 1000 }).write('[{"target":', () => { response.destroy() }) }, /^UNKNOWN: Graphite cannot be reached: UND_ERR_SOCKET/],
  ['sends half of its JSON', response => { response.end('[{"target":"a","datapoints":[[1,') }, /^UNKNOWN: Graphite sent something else than series in JSON/],
  ['sends NaN', response => { response.end('[{"target":"a","datapoints":[[NaN,1400000000]]}]') }, /^UNKNOWN: Graphite sent something else than series in JSON/],
  ['sends HTML', response => { response.setHeader('content-type', 'text/html').end('<html><body>It works!</body></html>') }, /^UNKNOWN: Graphite sent something else than series in JSON/],
  ['sends nothing', response => { response.end() }, /^UNKNOWN: Graphite sent something else than series in JSON/],
  ['sends JSON that is no list', response => { response.end('{"error":"no"}') }, /^UNKNOWN: Graphite sent something else than series in JSON/],
  ['sends points that are words', response => { response.end('[{"target":"a","datapoints":[["1",1400000000]]}]') }, /^UNKNOWN: Graphite sent something else than series in JSON/],
  ['sends null for a series', response => { response.end('[null]') }, /^UNKNOWN: Graphite sent something else than series in JSON/],
  ['sends infinite values only', response => { response.end('[{"target":"a","datapoints":[[1e9999,1400000000],[-1e9999,1400000060]]}]') }, /^UNKNOWN: x: no data$/],
  ['never ends', response => { flood(response) }, /^UNKNOWN: Graphite sent more than 16 MiB, at http:/]
]

for (const [what, answer, line] of ills) {
  t.test(`unknown when Graphite ${what}`, async t => {
    const server = await startRenderServer(t, answer)

    const output = await runCheck('graphite', 'x', '--graphite', server.url, '-w', '5', '-t', '1')

    isPlugInOutput(t, output)
    t.equal(output.code, unknown)
    t.match(output.line, line)
  })
}

function flood (response: ServerResponse): void {
  const megabyte = Buffer.alloc(1 << 20, '[1,1400000000],')
  response.writeHead(200)
  const more = (): void => { while (!response.destroyed && response.write(megabyte)); }
  response.on('drain', more).on('error', () => {})
  more()
}

t.test('unknown when Graphite is not there, or is no HTTP server', async t => {
  const other = createServer(socket => { socket.on('error', () => {}).end('220 mail.example.org ESMTP\r\n') }).listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => { other.close() })

  const refused = await runCheck('graphite', 'x', '--graphite', `http://127.0.0.1:${await freePort()}`, '-w', '5')
  const noHttp = await runCheck('graphite', 'x', '--graphite', `http://127.0.0.1:${(other.address() as AddressInfo).port}`, '-w', '5')
  const noHost = await runCheck('graphite', 'x', '--graphite', 'http://graphite.invalid', '-w', '5')

  for (const output of [refused, noHttp, noHost]) {
    isPlugInOutput(t, output)
    t.equal(output.code, unknown)
  }
  t.match(refused.line, /^UNKNOWN: Graphite cannot be reached: ECONNREFUSED, at http:/)
  t.match(noHttp.line, /^UNKNOWN: Graphite cannot be reached: HPE_INVALID/)
  t.match(noHost.line, /^UNKNOWN: Graphite cannot be reached: (ENOTFOUND|EAI_AGAIN), at http:\/\/graphite.invalid$/)
})

/** Options that cannot be, and what is said. */
const refused: ReadonlyArray<readonly [string[], RegExp]> = [
  [['-w', '5'], /^UNKNOWN: the argument METRIC… is missing; check graphite takes/],
  [['x'], /^UNKNOWN: neither --warning nor --critical is given; give one or both$/],
  [['x', '-w', 'many'], /^UNKNOWN: --warning "many": give a range: 10 \(alert outside 0 to 10\)/],
  [['x', '-w', '5', '--over', '--under'], /^UNKNOWN: --over and --under are both given; give one, or ranges/],
  [['x', '-w', '5:10', '--over'], /^UNKNOWN: --warning "5:10": with --over give a number, or leave --over out/],
  [['x', '-w', '5', '-c', '3', '--over'], /^UNKNOWN: --critical 3 comes before --warning 5; give at least 5$/],
  [['x', '-w', '3', '-c', '5', '--under'], /^UNKNOWN: --critical 5 comes before --warning 3; give at most 3$/],
  [['x', '-w', '5', '--percent', '0'], /^UNKNOWN: --percent 0: give more than 0 and at most 100$/],
  [['x', '-w', '5', '--percent', '101'], /^UNKNOWN: --percent 101: give more than 0/],
  [['x', '-w', '5', '--no-data', 'fine'], /^UNKNOWN: invalid values; Argument: no-data, Given: "fine"/],
  [['x', '-w', '5', '--graphite', 'u:secret@host'], /^UNKNOWN: --graphite is no URL; give one as http:/]
]

for (const [args, line] of refused) {
  t.test(`unknown, with what is allowed, for: ${args.join(' ')}`, async t => {
    const output = await runCheck('graphite', ...args)

    isPlugInOutput(t, output)
    t.equal(output.code, unknown)
    t.match(output.line, line)
  })
}
