import { spawn } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { batchOfLines } from '../../lib/stream/batch.js'
import type { Batch, Writer } from '../../lib/stream/contracts.js'
import { builtInWriters } from '../../lib/writers/index.js'
import { schemasOf, testContext, type TestContext } from '../helpers/context.js'
import { needsMariadb } from '../helpers/mariadb.js'
import { turnsOfTheLoop } from '../helpers/scripted.js'
import { startStatsd } from '../helpers/statsd.js'
import { connectSubscriber, shortDirectory, type TestSubscriber } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'
import { capsuleOf, schemaOf } from '../sql/fixtures.js'
import { storeKinds } from '../sql/stores.js'

/**
 * What every writer promises, wherever it writes. A new scheme needs one entry in `peers`: how to make what it writes to, and
 * how to find there what was written. The records are events with a number; each is looked for by it.
 */
interface Peer {
  readonly uri: string
  /** Called when the writer is open; says how to reach what it writes to. */
  readonly join?: (writer: Writer) => Promise<void>
  /** The numbers of the events that have come, in their order; all of them, at each call. */
  arrived (): Promise<number[]>
  /** Takes away what it writes to, and brings it back. */
  readonly restart?: (writer: Writer) => Promise<void>
}

type Make = (t: Test) => Promise<Peer>

const peers: Record<string, { make: Make, skip?: string | false } | 'a process of its own'> = {
  stdout: 'a process of its own',
  tcp: { make: async t => subscriber(t, 'tcp://127.0.0.1:0') },
  ipc: { make: async t => subscriber(t, `ipc://${join(shortDirectory(t), 'stream')}`) },
  udp: { make: datagrams },
  statsd: { make: counters },
  file: { make: async t => file(t, 'file://', '') },
  filter: { make: async t => file(t, 'filter:file://', '?function=all') },
  'opt-out': { make: async t => file(t, 'opt-out:file://', '') },
  map: { make: async t => file(t, 'map:file://', '?fsync=never&function=same') },
  mysql: { make: async t => await table(t, 'mysql'), skip: needsMariadb },
  sqlite: { make: async t => await table(t, 'sqlite') }
}

function subscriber (t: Test, uri: string): Peer {
  let current: TestSubscriber | undefined
  const numbers: number[] = []
  const collect = async (from: TestSubscriber): Promise<void> => {
    for await (const [message] of from.socket) numbers.push(...numbersOf(String(message)))
  }
  async function join (writer: Writer): Promise<void> {
    current = connectSubscriber(t, (writer as Writer & { endpoint: string }).endpoint)
    await current.join(async () => { await writer.write(batchOfLines(['probe']) as Batch) })
    current.socket.receiveTimeout = -1
    void collect(current)
  }
  return {
    uri,
    join,
    arrived: async () => await Promise.resolve(numbers),
    async restart (writer) {
      current?.socket.close()
      await join(writer)
    }
  }
}

async function datagrams (t: Test): Promise<Peer> {
  const numbers: number[] = []
  const { port, rebind } = await receiver(t, message => { numbers.push(...numbersOf(message)) })
  return { uri: `udp://127.0.0.1:${port}`, arrived: async () => await Promise.resolve(numbers), restart: rebind }
}

async function counters (t: Test): Promise<Peer> {
  const statsd = await startStatsd(t)
  let before = 0
  const count = async (): Promise<number> => before + ((await statsd.counters())['eventlogging.schema.Test'] ?? 0)
  return {
    uri: `statsd://${statsd.address}`,
    // a counter has no order; it has come so often
    arrived: async () => Array.from({ length: await count() }, (_, i) => i),
    async restart () {
      before = await count()
      await statsd.restart()
    }
  }
}

async function receiver (t: Test, take: (message: string) => void): Promise<{ port: number, rebind: () => Promise<void> }> {
  let socket: Socket
  async function bind (port: number): Promise<number> {
    socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 })
    socket.on('message', message => { take(message.toString()) })
    socket.bind(port, '127.0.0.1')
    await once(socket, 'listening')
    return socket.address().port
  }
  const port = await bind(0)
  t.teardown(() => { socket.close() })
  return {
    port,
    async rebind () {
      socket.close()
      await once(socket, 'close')
      await bind(port)
    }
  }
}

function file (t: Test, scheme: string, options: string): Peer {
  const path = join(shortDirectory(t), 'events.log')
  const paths = [path]
  return {
    uri: `${scheme}${path}${options}`,
    arrived: async () => await Promise.resolve(paths.flatMap(path => numbersOf(readFileSync(path, 'utf8')))),
    async restart (writer) {
      paths.unshift(`${path}.1`)
      renameSync(path, `${path}.1`)
      await writer.flush()
    }
  }
}

async function table (t: Test, name: string): Promise<Peer> {
  const kind = storeKinds.find(kind => kind.name === name)
  if (kind === undefined) throw new Error(`no store is called ${name}`)
  const server = await kind.start()
  t.teardown(server.stop)
  const { uri, rows } = await server.store()
  return { uri, arrived: async () => (await rows('Test_1')).map(row => Number(row['event_n'])) }
}

function numbersOf (lines: string): number[] {
  return [...lines.matchAll(/"n":(\d+)/g)].map(([, digits]) => Number(digits))
}

const writers = builtInWriters()
const schemes = writers.handlers().flatMap(handler => handler.schemes)
const total = 1000

function events (from: number, to: number): Batch {
  return batchOfLines(Array.from({ length: to - from }, (_, i) => JSON.stringify(capsuleOf({ n: from + i })))) as Batch
}

function consecutive (count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}

function contextOf (): TestContext {
  const ctx: TestContext = testContext({
    schemas: schemasOf([schemaOf({ n: { type: 'integer' } })]),
    openWriter: async uri => await writers.open(uri, ctx),
    plugInFunction: name => name === 'all' ? () => true : ({ text }) => text
  })
  return ctx
}

t.test('every scheme that can be written is tested here', async t => {
  t.same(Object.keys(peers).sort(), [...schemes].sort())
})

for (const [scheme, entry] of Object.entries(peers)) {
  if (entry === 'a process of its own') {
    t.test(`${scheme}: writes everything in order`, async t => {
      const child = spawn(process.execPath, [join(import.meta.dirname, 'copy.js'), 'stdin://', `${scheme}://`], { stdio: ['pipe', 'pipe', 'inherit'] })

      child.stdin.end(`${events(0, total).lines().join('\n')}\n`)

      t.same(numbersOf(await text(child.stdout)), consecutive(total))
      t.same(await once(child, 'exit'), [0, null])
    })
    continue
  }

  t.test(`${scheme}: what is flushed has arrived, in order, also after its peer was away`, { skip: entry.skip ?? false }, async t => {
    const peer = await entry.make(t)
    const ctx = contextOf()
    const writer = await writers.open(peer.uri, ctx)
    await peer.join?.(writer)

    for (let n = 0; n < total; n += 100) {
      await writer.write(events(n, n + 100))
      // datagrams: the kernel's default buffer holds no more than these
      await turnsOfTheLoop(8)
    }
    await writer.flush()
    await until('everything has arrived', async () => (await peer.arrived()).length >= total)
    t.same(await peer.arrived(), consecutive(total))

    await peer.restart?.(writer)
    await writer.write(events(total, total + 50))
    await writer.flush()
    await until('the rest has arrived', async () => (await peer.arrived()).length >= total + 50)
    t.same(await peer.arrived(), consecutive(total + 50))

    await writer.close()
    await ctx.end()
    t.same(ctx.letters, [])
    t.notOk(ctx.logged().some(line => line['level'] === 'error'), 'nothing was logged as an error')
  })

  t.test(`${scheme}: close flushes, can be called twice, and leaves nothing open`, { skip: entry.skip ?? false }, async t => {
    const peer = await entry.make(t)
    const ctx = contextOf()
    const before = process.getActiveResourcesInfo().length
    const writer = await writers.open(peer.uri, ctx)
    await peer.join?.(writer)

    await writer.flush()
    await writer.write(events(0, 10))
    await writer.close()
    await writer.close()
    await ctx.end()

    await until('what was written has arrived', async () => (await peer.arrived()).length >= 10)
    t.same(await peer.arrived(), consecutive(10))
    await until('nothing is left open', () => process.getActiveResourcesInfo().length <= before)
  })
}
