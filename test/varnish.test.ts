import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { compileFormat, type LineMatch } from '../lib/event/line-format.js'
import { projectRoot } from './helpers/shared.js'
import { needsVarnish, startVarnish, type BeaconLines } from './helpers/varnish.js'

/** The format that the shipped client-side processor is started with. */
const shippedFormat = /^--format (.*)$/m.exec(readFileSync(join(projectRoot, 'etc/vanadium.d/processors/client-side'), 'utf8'))?.[1] ?? ''

t.test('real Varnish with what is in etc/varnish', { skip: needsVarnish }, async t => {
  const varnish = await startVarnish()
  t.teardown(async () => { await varnish.stop() })

  t.test('answers beacons with an empty 204 that nobody may cache and any page may ask for', async t => {
    for (const path of ['/event.gif?%7B%7D', '/beacon/event?%7B%7D', '/event.gif', '/beacon/event']) {
      for (const method of ['GET', 'HEAD', 'POST']) {
        const response = await fetch(varnish.url + path, { method })

        t.equal(response.status, 204, `${method} ${path}`)
        t.equal(response.headers.get('cache-control'), 'no-store')
        t.equal(response.headers.get('access-control-allow-origin'), '*')
        t.equal(await response.text(), '')
      }
    }
  })

  t.test('lets browsers ask beforehand whether they may send', async t => {
    const response = await fetch(`${varnish.url}/beacon/event?%7B%7D`, { method: 'OPTIONS' })

    t.equal(response.status, 204)
    t.equal(response.headers.get('access-control-allow-methods'), 'GET, POST')
    t.equal(response.headers.get('access-control-allow-headers'), 'Content-Type')
  })

  t.test('refuses other methods, and beacons that are too long to be logged whole', async t => {
    const refused = await fetch(`${varnish.url}/beacon/event?%7B%7D`, { method: 'DELETE' })
    const longest = await fetch(`${varnish.url}/event.gif?${'x'.repeat(8191 - '/event.gif?'.length)}`)
    const tooLong = await fetch(`${varnish.url}/event.gif?${'x'.repeat(8192 - '/event.gif?'.length)}`)

    t.equal(refused.status, 405)
    t.equal(refused.headers.get('allow'), 'GET, HEAD, POST, OPTIONS')
    t.equal(longest.status, 204)
    t.equal(tooLong.status, 414)
  })

  t.test('leaves every other URL to the operator\'s own VCL', async t => {
    for (const path of ['/', '/event.gifs?%7B%7D', '/x/event.gif?%7B%7D', '/eventXgif', '/beacon/', '/beacon/events']) {
      t.equal((await fetch(varnish.url + path)).status, 404, path)
    }
  })

  t.test('prints, for each beacon with an event and for nothing else, a line that the client-side processor can match', async t => {
    const lines = await varnish.follow({ TZ: 'America/New_York' })
    const long = 'x'.repeat(8000)
    const started = Math.floor(Date.now() / 1000)

    for (const [method, path] of [
      ['GET', '/event.gif?%7B%22n%22%3A1%7D;'], ['HEAD', '/event.gif?head'], ['GET', '/event.gif'], ['GET', '/event.gif?'], ['OPTIONS', '/event.gif?options'],
      ['GET', '/other?%7B%7D'], ['GET', '/eventXgif?%7B%7D'], ['DELETE', '/event.gif?delete'], ['GET', `/event.gif?${'y'.repeat(9000)}`],
      ['POST', '/beacon/event?%7B%22n%22%3A2%7D;'], ['GET', `/event.gif?${long}`]
    ] as const) await fetch(varnish.url + path, { method, headers: { 'User-Agent': 'Mozilla/5.0 (a "b"\tc)' } })
    const matches = await take(lines, 3)

    const ended = Date.now() / 1000
    // Varnish logs a request after it has answered: of two connections the later request may be printed first
    t.strictSame(matches.map(({ capsule }) => capsule).sort(), ['?%7B%22n%22%3A1%7D;', '?%7B%22n%22%3A2%7D;', `?${long}`].sort())
    const fqdn = await fullName()
    for (const { fields: [recvFrom, seqId, time, address, userAgent] } of matches) {
      t.equal(recvFrom, fqdn)
      t.match(seqId, /^\d+$/)
      t.equal(address, '127.0.0.1')
      t.equal(userAgent, 'Mozilla/5.0 (a \\"b\\"\\tc)', 'a tab of the client cannot end the field')
      const seconds = Date.parse(`${time}Z`) / 1000
      t.ok(seconds >= started && seconds <= ended, `${time} is the time in UTC`)
    }
    t.equal(new Set(matches.map(({ fields: [, seqId] }) => seqId)).size, 3, 'numbers differ')
  })

  // seen to fail without the mark, and with a value that only begins with 1
  t.test('answers who opted out like everybody else, and does not print it', async t => {
    const lines = await varnish.follow()
    const long = `${' '.repeat(3000)};`
    const optedOut: Array<[name: string, value: string]> = [
      ['Cookie', 'vanadium_optout=1'], ['Cookie', 'a=b; vanadium_optout=1; c=d'], ['Cookie', 'a=b;vanadium_optout=1'], ['Cookie', `a=b;${long}${long}; vanadium_optout=1`],
      ['Cookie', 'vanadium_optout=0; vanadium_optout=1'], ['DNT', '1'], ['Sec-GPC', '1']
    ]
    const others: Array<[name: string, value: string]> = [
      ['Cookie', 'vanadium_optout=0'], ['Cookie', 'vanadium_optout=11'], ['Cookie', 'xvanadium_optout=1'], ['Cookie', 'vanadium_optout'], ['Cookie', 'a=vanadium_optout=1'],
      ['Cookie', `${long}${';'.repeat(3000)}vanadium_optou=1`], ['DNT', '0'], ['DNT', '10'], ['Sec-GPC', '?1']
    ]

    for (const [i, [name, value]] of [...optedOut, ...others].entries()) {
      const response = await fetch(`${varnish.url}/event.gif?${i}`, { headers: { [name]: value } })

      t.equal(response.status, 204, `${name}: ${value.slice(0, 60)}`)
      t.equal(response.statusText, 'No Content')
    }
    await fetch(`${varnish.url}/event.gif?last`)
    const matches = await take(lines, others.length + 1)

    t.strictSame(matches.map(({ capsule }) => capsule).sort(), [...others.map((_, i) => `?${i + optedOut.length}`), '?last'].sort())
  })

  t.test('can be told the name of the host, for several Varnish on one', async t => {
    const lines = await varnish.follow({ RECV_FROM: 'cp1048-b' })

    await fetch(`${varnish.url}/event.gif?%7B%7D`)
    const [match] = await take(lines, 1)

    t.equal(match?.fields[0], 'cp1048-b')
  })
})

/** The next `count` lines, each of which must match the shipped format. */
async function take (lines: BeaconLines, count: number): Promise<LineMatch[]> {
  const format = compileFormat(shippedFormat)
  const matches: LineMatch[] = []
  for await (const line of lines) {
    const match = format.match(line)
    if (match === null) throw new Error(`does not match ${shippedFormat}: ${line}`)
    if (matches.push(match) === count) break
  }
  return matches
}

async function fullName (): Promise<string> {
  try {
    return (await promisify(execFile)('hostname', ['--fqdn'])).stdout.trim()
  } catch {
    return hostname()
  }
}
