import { compileFormat } from '../../../lib/event/line-format.js'
import { clientAddress, lineOf, queryOfBody } from '../../../lib/readers/http-line.js'
import { hasOptedOut } from '../../../lib/readers/http-opt-out.js'
import type { Target } from '../harness.js'
import { mutateText } from '../mutate.js'
import { seedLines } from './seeds.js'

interface Input { readonly query: string, readonly body: string, readonly userAgent: string, readonly forwarded: string, readonly cookie: string }

/** What a request has that becomes a line: whatever it is, the line is one of the format. */
export const http: Target<Input> = {
  name: 'http',
  async open () {
    const format = compileFormat('%q %{recvFrom}s %{seqId}d %t %{ip}s %{userAgent}i')
    const lines = seedLines().map(({ line }) => line)
    return await Promise.resolve({
      generate: random => ({
        query: mutateText(random, random.pick(lines).slice(1), lines),
        body: mutateText(random, random.pick(lines), lines),
        userAgent: mutateText(random, 'Mozilla/5.0 (X11; Linux x86_64)', lines, 2000),
        forwarded: mutateText(random, '203.0.113.9, [2001:db8::7]:80, 10.0.0.1:80', lines, 16_000),
        cookie: mutateText(random, 'a=b; vanadium_optout=1; c="d;e"', lines, 16_000)
      }),
      run ({ query, body, userAgent, forwarded, cookie }) {
        hasOptedOut({ cookie, dnt: forwarded, 'sec-gpc': cookie }, 'vanadium_optout')
        const address = clientAddress('::ffff:10.0.0.1', forwarded, 2)
        for (const text of [query, queryOfBody(Buffer.from(body, 'latin1'))]) {
          const line = lineOf({ query: text, seqId: 1, recvFrom: 'here', address, userAgent }).toString('latin1')
          // eslint-disable-next-line no-control-regex
          if (/[\0-\x1f]/.test(line) || format.match(line) === null) throw new Error('the line is none of the format')
        }
      }
    })
  }
}
