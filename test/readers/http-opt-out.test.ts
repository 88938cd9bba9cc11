import { request } from 'node:http'
import { once } from 'node:events'
import fc from 'fast-check'
import t from 'tap'
import { hasOptedOut } from '../../lib/readers/http-opt-out.js'
import { httpReader, type HttpReader } from '../../lib/readers/http.js'
import type { Reader } from '../../lib/stream/contracts.js'
import { Schemes } from '../../lib/stream/schemes.js'
import { testContext } from '../helpers/context.js'
import { pull } from '../helpers/streams.js'

const readers = new Schemes<Reader>('reader').add(httpReader)
const long = 'x'.repeat(3000)

const optedOut: Array<Record<string, string | string[]>> = [
  { Cookie: 'no_thanks=1' }, { Cookie: 'a=b; no_thanks=1; c=d' }, { Cookie: 'a=b;no_thanks=1' }, { Cookie: ' no_thanks = 1 ' }, { Cookie: `${long}=${long}; no_thanks=1` },
  { Cookie: 'no_thanks=0; no_thanks=1' }, { Cookie: ['a=b', 'no_thanks=1'] }, { DNT: '1' }, { DNT: ['0', '1'] }, { 'Sec-GPC': '1' }
]
const others: Array<Record<string, string | string[]>> = [
  {}, { Cookie: 'no_thanks=0' }, { Cookie: 'no_thanks=11' }, { Cookie: 'no_thanks=' }, { Cookie: 'no_thanks' }, { Cookie: 'xno_thanks=1' }, { Cookie: 'a=no_thanks=1' }, { Cookie: 'a=;=1' },
  { Cookie: 'vanadium_optout=1' }, { Cookie: ';'.repeat(3000) }, { DNT: '0' }, { DNT: '10' }, { DNT: 'null' }, { 'Sec-GPC': '?1' }
]

// seen to fail with a cookie that is looked for as text
t.test('who opted out gets the answer of everybody else, and no line; it is counted', async t => {
  const ctx = testContext()
  t.teardown(async () => { await ctx.end() })
  const reader = await readers.open('http://127.0.0.1:0/?optout-cookie=no_thanks', ctx) as HttpReader
  t.teardown(async () => { await reader.close() })
  const puller = pull(reader)
  const send = async (path: string, headers: Record<string, string | string[]>, body?: string): Promise<number> => {
    const sent = request({ port: reader.address.port, host: '127.0.0.1', path, headers, method: body === undefined ? 'GET' : 'POST' }).end(body)
    const [response] = await once(sent, 'response') as [import('node:http').IncomingMessage]
    response.resume()
    return response.statusCode ?? 0
  }

  for (const headers of optedOut) {
    t.equal(await send('/event.gif?out', headers), 204, JSON.stringify(headers).slice(0, 60))
    t.equal(await send('/', headers, 'out'), 204)
    t.equal(await send('/event.gif', headers), 400, 'nothing is asked for: as ever')
  }
  const lines: string[] = []
  const pulled = puller.take(others.length).then(taken => { lines.push(...taken) })
  const answers = others.map(async (headers, i) => await send(`/event.gif?in${i}`, headers))
  await pulled
  ctx.abort()
  await puller.rest()

  t.strictSame(await Promise.all(answers), others.map(() => 204))
  t.strictSame(lines.map(line => line.split(' ')[0]).sort(), others.map((_, i) => `?in${i}`).sort())
  t.equal(ctx.metrics.count('opted_out'), 2 * optedOut.length)
})

t.test('any cookie header has an answer', async t => {
  fc.assert(fc.property(fc.array(fc.constantFrom('no_thanks', '1', '=', ';', ' ', '"', ',', 'x')), parts => {
    const cookie = parts.join('')
    const expected = cookie.split(';').some(pair => /^ *no_thanks *= *1 *$/.test(pair))

    return hasOptedOut({ cookie }, 'no_thanks') === expected
  }), { numRuns: 2000 })
  t.pass()
})
