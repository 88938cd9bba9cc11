import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startReady, type Daemon } from '../helpers/daemon.js'
import { send, statuses, talk } from '../helpers/http.js'
import { sendLoad } from '../helpers/http-load.js'
import { residentBytes } from '../helpers/memory.js'
import { stablePort } from '../helpers/ports.js'
import { needsSmallDisk, smallDisk } from '../helpers/small-disk.js'
import { shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

const request = (n: number): string => `GET /event.gif?n${n}n HTTP/1.1\r\nHost: x\r\nUser-Agent: Mozilla/5.0\r\n\r\n`

/** The numbers of the events in a file of lines, in its order. */
function numbersIn (file: string): number[] {
  return [...readFileSync(file, 'latin1').matchAll(/^\?n(\d+)n/gm)].map(([, n]) => Number(n))
}

interface Chain {
  readonly port: number
  readonly uri: string
  start (): Promise<Daemon>
  /** Starts a consumer, and resolves with all that it has got when it has got `least`. */
  stored (least: readonly number[]): Promise<number[]>
}

/** A forwarder that takes events over http into a journaled stream. */
async function chain (t: Test, options: string, state = shortDirectory(t)): Promise<Chain> {
  const port = await stablePort()
  const stream = `tcp://127.0.0.1:${await stablePort()}`
  const uri = `http://127.0.0.1:${port}/?${options}`
  const out = join(shortDirectory(t), 'out.log')
  writeFileSync(out, '')
  return {
    port,
    uri,
    start: async () => await startReady(t, 'forwarder', '--state', state, '--input', uri, '--output', `${stream}?journal=beacons&replay=${await stablePort()}`),
    async stored (least) {
      await startReady(t, 'consumer', '--name', 'log', '--flush-interval', '0.2', '--input', `${stream}?as=log`, '--output', `file://${out}?fsync=never`)
      return await until('all that was confirmed is stored', () => {
        const numbers = numbersIn(out)
        const have = new Set(numbers)
        return least.every(n => have.has(n)) ? numbers : null
      }, 60_000)
    }
  }
}

t.test('20,000 requests over 64 connections: each is confirmed, and found once', async t => {
  const file = join(shortDirectory(t), 'out.log')
  const port = await stablePort()
  const forwarder = await startReady(t, 'forwarder', '--input', `http://127.0.0.1:${port}/?max-rate-per-address=0`, '--output', `file://${file}?fsync=never`)

  const { statuses, unanswered } = await sendLoad({ port, connections: 64, requests: 20_000, request })
  t.equal(await forwarder.stop(), 0)

  t.strictSame([[...statuses], unanswered], [[[204, 20_000]], 0])
  t.strictSame(numbersIn(file).sort((a, b) => a - b), Array.from({ length: 20_000 }, (_, n) => n))
})

t.test('what was confirmed is there, whatever is killed: SIGKILL under load, twice', async t => {
  const beacons = await chain(t, 'max-rate-per-address=0')
  const confirmed: number[] = []
  for (let run = 0; run < 2; run++) {
    const forwarder = await beacons.start()
    let count = 0
    const { unanswered } = await sendLoad({
      port: beacons.port,
      connections: 32,
      requests: 20_000,
      request: n => request(run * 20_000 + n),
      answered (n, status) {
        if (status === 204) confirmed.push(run * 20_000 + n)
        if (++count === 1500) forwarder.child.kill('SIGKILL')
      }
    })
    t.equal(await forwarder.ended, 'SIGKILL')
    t.ok(unanswered > 0, 'it was under load')
  }
  await beacons.start()

  const stored = await beacons.stored(confirmed)

  t.ok(confirmed.length >= 3000)
  t.equal(new Set(stored).size, stored.length, 'none is there twice')
  t.ok(stored.length - confirmed.length <= 64, 'at most what was under way was stored and not confirmed')
})

t.test('the disk of the journal is full: refused in time, healthz says so, and when there is room all that was taken is stored', { skip: needsSmallDisk }, async t => {
  const disk = smallDisk(t, 64 << 20)
  const ballast = join(disk, 'ballast')
  const beacons = await chain(t, 'queue=50&answer-timeout=1&healthz-age=0.5&max-rate-per-address=0', disk)
  const forwarder = await beacons.start()
  const { port } = beacons
  const health = async (): Promise<number> => (await send(port, 'GET', '/healthz')).status
  t.equal((await send(port, 'GET', '/event.gif?n0n')).status, 204)
  t.equal(await health(), 200)
  t.throws(() => { writeFileSync(ballast, Buffer.alloc(64 << 20)) }, { code: 'ENOSPC' })

  const [taken, refused, confirmed]: [number[], number[], number[]] = [[], [], []]
  let next = 1
  await until('it is noticed', async () => {
    const n = next++
    const { status, headers, body } = await send(port, 'POST', '/', { body: `n${n}n${'x'.repeat(30_000)}` })
    if (status === 204) confirmed.push(n)
    else if (/may be stored/.test(body)) taken.push(n)
    if (status !== 204) t.match({ status, headers }, { status: 503, headers: { 'retry-after': /^\d+$/ } })
    return forwarder.log.some(({ level }) => level === 'error') && status === 503
  }, 60_000)
  const rest = await Promise.all(Array.from({ length: 100 }, async (_, i) => ({ n: next + i, ...await send(port, 'GET', `/event.gif?n${next + i}n`) })))
  for (const { n, body } of rest) (/may be stored/.test(body) ? taken : refused).push(n)
  t.ok(rest.every(({ status, headers }) => status === 503 && /^\d+$/.test(headers['retry-after'] ?? '')))
  t.ok(refused.length >= 50, 'the queue was full')
  t.equal(await health(), 503)

  rmSync(ballast)
  await until('healthz is good again', async () => await health() === 200, 60_000)
  t.equal((await send(port, 'GET', '/event.gif?n9999n')).status, 204)

  const stored = await beacons.stored([0, 9999, ...confirmed, ...taken])
  t.strictSame(stored.filter(n => refused.includes(n)), [], 'what was refused is nowhere')
  t.equal(await forwarder.stop(), 0, 'it is the process that was there from the start')
})

t.test('a daemon under attack serves others, stays small and stops as asked', async t => {
  const port = await stablePort()
  const file = join(shortDirectory(t), 'out.log')
  const forwarder = await startReady(t, 'forwarder', '--input', `http://127.0.0.1:${port}/?header-timeout=60&request-timeout=60&max-connections=2000&max-connections-per-address=1500`, '--output', `file://${file}`)
  // the memory of headers: as many bytes as are let in, and never their end
  const headers = Buffer.from(`GET /event.gif?${'x'.repeat(16_000)} HTTP/1.1\r\nHost: x\r\n${`X: ${'y'.repeat(1000)}\r\n`.repeat(15)}`)
  const slow = Array.from({ length: 3000 }, (_, i) => talk(t, port, headers, { localAddress: i % 2 === 0 ? '127.0.0.1' : '127.0.0.2' }))
  await until('none is on its way', () => slow.every(({ socket }) => !socket.connecting), 60_000)
  await until('all are in, or turned away', () => slow.filter(({ heard, socket }) => statuses(heard)[0] === 503 || socket.destroyed).length >= 1000, 60_000)
  const bytes = residentBytes(forwarder.child.pid)
  t.comment(`${Math.round(bytes / 2 ** 20)} MiB with 2,000 connections that never end their headers`)
  t.ok(bytes < 300 << 20)

  t.match(await talk(t, port, request(1), { localAddress: '127.0.0.3' }).ended, /^HTTP\/1\.1 503 .*Retry-After: \d+/s, 'all connections are taken, and it says so')
  for (const { socket } of slow.slice(0, 300)) socket.destroy()
  await until('others are served', async () => statuses(await talk(t, port, request(2).replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'), { localAddress: '127.0.0.3' }).ended)[0] === 204)
  t.equal(await forwarder.stop(), 0)

  t.strictSame(numbersIn(file), [2])
})
