import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { Agent, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { builtInReaders } from '../../lib/readers/index.js'
import type { Reader } from '../../lib/stream/contracts.js'
import { testContext, type TestContext } from '../helpers/context.js'
import { bindPublisher, pull, shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

/**
 * What every reader promises, whatever it reads. A new scheme needs one entry in `peers`: how to make what it reads from.
 */
interface Peer {
  readonly uri: string
  /** Sends records, one after the other, to the reader, which is open and being pulled. */
  send (records: readonly string[], reader: Reader): Promise<void>
  /** The record within what the reader gives for it. */
  readonly within?: (line: string) => string
}

const peers: Record<string, ((t: Test) => Promise<Peer>) | 'a process of its own'> = {
  stdin: 'a process of its own',
  tcp: async t => await zeromq(t, 'tcp://127.0.0.1:0'),
  ipc: async t => await zeromq(t, `ipc://${join(shortDirectory(t), 'stream')}`),
  udp: async () => ({ uri: 'udp://127.0.0.1:0', send: sendDatagrams }),
  http: async () => ({ uri: 'http://127.0.0.1:0/', send: sendRequests, within: line => line.split(' ')[0]?.slice(1) ?? '' }),
  file: async t => await file(t, 'file://', 'follow=true'),
  filter: async t => await file(t, 'filter:file://', 'follow=true&function=all'),
  map: async t => await file(t, 'map:file://', 'function=same&follow=true')
}

async function zeromq (t: Test, endpoint: string): Promise<Peer> {
  const publisher = await bindPublisher(t, endpoint)
  return {
    uri: publisher.endpoint,
    async send (records) {
      await publisher.joined()
      await publisher.send(...records)
    }
  }
}

async function sendDatagrams (records: readonly string[], reader: Reader): Promise<void> {
  const { port } = addressOf(reader)
  const socket = createSocket('udp4')
  for (const record of records) {
    await new Promise(resolve => { socket.send(record, port, '127.0.0.1', resolve) })
    await turnOfTheLoop()
  }
  socket.close()
}

async function sendRequests (records: readonly string[], reader: Reader): Promise<void> {
  const { port } = addressOf(reader)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  for (const record of records) {
    const [response] = await once(get({ port, host: '127.0.0.1', path: `/event.gif?${record}`, agent }), 'response') as [IncomingMessage]
    await text(response)
  }
  agent.destroy()
}

function addressOf (reader: Reader): AddressInfo {
  return (reader as Reader & { address: AddressInfo }).address
}

async function file (t: Test, scheme: string, options: string): Promise<Peer> {
  const path = join(shortDirectory(t), 'events.log')
  writeFileSync(path, '')
  return await Promise.resolve({
    uri: `${scheme}${path}?${options}`,
    send: async records => { writeFileSync(path, `${records.join('\n')}\n`) }
  })
}

const readers = builtInReaders()
const schemes = readers.handlers().flatMap(handler => handler.schemes)
const records = Array.from({ length: 1000 }, (_, i) => `%7B%22n%22:${i}%7D`)

function contextOf (): TestContext {
  const ctx: TestContext = testContext({
    openReader: async uri => await readers.open(uri, ctx),
    plugInFunction: name => name === 'all' ? () => true : ({ text }) => text
  })
  return ctx
}

t.test('every scheme that can be read is tested here', async t => {
  t.same(Object.keys(peers).sort(), [...schemes].sort())
})

for (const [scheme, make] of Object.entries(peers)) {
  if (make === 'a process of its own') {
    t.test(`${scheme}: hands over everything in order and ends with its input`, async t => {
      const child = spawn(process.execPath, [join(import.meta.dirname, 'copy.js'), `${scheme}://`, 'stdout://'], { stdio: ['pipe', 'pipe', 'inherit'] })

      child.stdin.end(`${records.join('\n')}\n`)

      t.equal(await text(child.stdout), `${records.join('\n')}\n`)
      t.same(await once(child, 'exit'), [0, null])
    })
    continue
  }

  t.test(`${scheme}: hands over everything in order, and ends after the stop with nothing left open`, async t => {
    const peer = await make(t)
    const ctx = contextOf()
    const reader = await readers.open(peer.uri, ctx)
    const input = pull(reader)

    // pulled meanwhile, as some sources wait for that
    const taken = input.take(records.length)
    const sent = peer.send(records, reader)
    t.same((await taken).map(peer.within ?? (line => line)), records)
    t.ok(input.batches.every(batch => batch.count === batch.lines().length), 'counts are right')
    const position = input.batches.at(-1)?.position ?? null
    if (position !== null) await reader.commit(position)

    const rest = input.rest()
    await sent
    ctx.abort()
    t.same(await rest, [], 'nothing is handed over twice')
    await reader.close()
    await reader.close()
    await ctx.end()
  })

  t.test(`${scheme}: close ends an iteration that waits`, async t => {
    const peer = await make(t)
    const ctx = contextOf()
    const before = process.getActiveResourcesInfo().length
    const reader = await readers.open(peer.uri, ctx)
    const rest = pull(reader).rest()

    await Promise.all([reader.close(), reader.close()])

    t.same(await rest, [])
    await ctx.end()
    await until('nothing is left open', () => process.getActiveResourcesInfo().length <= before)
  })

  t.test(`${scheme}: a stop before the first pull ends it at once`, async t => {
    const peer = await make(t)
    const ctx = contextOf()
    ctx.abort()
    const reader = await readers.open(peer.uri, ctx)

    t.same(await pull(reader).rest(), [])
    await ctx.end()
    await reader.close()
  })
}
