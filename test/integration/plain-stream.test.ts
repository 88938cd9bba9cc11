import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Subscriber } from 'zeromq'
import { startDaemon, startReady, type Daemon } from '../helpers/daemon.js'
import { records } from '../helpers/journaled.js'
import { connectSubscriber, shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

t.test('a subscriber written with nothing but the zeromq package reads one JSON event per message', async t => {
  const subscriber = new Subscriber({ linger: 0 })
  t.teardown(() => { subscriber.close() })
  const daemon = await startReady(t, 'processor', '--format', '%{seqId}d EventLogging %j', '--input', 'stdin://', '--output', 'tcp://127.0.0.1:8600', '--invalid', 'tcp://127.0.0.1:8600')
  const joined = new Promise(resolve => { subscriber.events.on('handshake', resolve) })
  subscriber.connect('tcp://127.0.0.1:8600')
  subscriber.subscribe()
  await joined

  const messages = read(subscriber, 3)
  // a subscription takes effect a moment after the handshake: repeat until something comes
  let received: unknown[] | null = null
  void messages.then(all => { received = all })
  for (let i = 0; received === null; i++) {
    daemon.child.stdin.write(`${i} EventLogging {"schema":"EventError","revision":14035058,"wiki":"é😀","recvFrom":"h","timestamp":1400664601,"event":{"rawEvent":"${i}","message":"m","code":"processor","schema":"unknown","revision":-1}}\n${i} broken\n`)
    await new Promise(resolve => { setImmediate(resolve) })
  }

  for (const { frames, text } of await messages) {
    t.equal(frames, 1)
    const event = JSON.parse(text) as { schema: string, wiki: string }
    t.equal(event.schema, 'EventError')
    t.notMatch(text, '\n')
  }
  daemon.child.stdin.end()
  t.equal(await daemon.ended, 0)
})

// seen to fail when the plain writer sends a batch as one message, and when the journaled one holds up `write` for as long as
// nobody follows its stream
t.test('a plain subscriber does not notice the journaled stream beside its own, whatever becomes of that one\'s subscriber', async t => {
  const directory = shortDirectory(t)
  const file = join(directory, 'out.log')
  const publisher = await startReady(t, 'forwarder', '--state', directory, '--input', 'stdin://', '--output', 'tcp://127.0.0.1:0?journal=all', 'tcp://127.0.0.1:0')
  const endpointOf = async (uri: string): Promise<string> => String((await publisher.logged(line => line.message === 'listening' && line['uri'] === uri))['endpoint'])
  const journaled = await endpointOf('tcp://127.0.0.1:0?journal=all')
  const startConsumer = (): Daemon => startDaemon(t, 'consumer', '--state', directory, '--flush-interval', '0.1', '--input', `${journaled}?as=log`, '--output', `file://${file}?fsync=never`)
  const stored = (): string[] => existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(line => line.startsWith('record ')) : []
  let written = 0
  const publish = (count: number): void => {
    publisher.child.stdin.write(`${records(written, written + count).join('\n')}\n`)
    written += count
  }
  const plain = connectSubscriber(t, await endpointOf('tcp://127.0.0.1:0'))
  await plain.join(async () => { publisher.child.stdin.write('probe\n') })
  publisher.child.stdin.write('begin\n')
  while ((await plain.take(1))[0] !== 'begin');
  const consumer = startConsumer()

  publish(2000)
  t.same(await plain.take(written), records(0, written), 'while both are there')
  await until('the other one has all', () => stored().length === written)
  consumer.child.kill('SIGKILL')
  await consumer.ended
  const before = written
  publish(20_000)
  t.same(await plain.take(written - before), records(before, written), 'while the other one is down')

  const again = startConsumer()
  await until('the other one has caught up under traffic', async () => {
    const from = written
    publish(1000)
    t.same(await plain.take(1000), records(from, written), 'while the other one catches up')
    return stored().length > before + 20_000
  })
  await until('the other one has all', () => stored().length >= written)
  t.equal(await again.stop(), 0)
  publisher.child.stdin.end()
  t.equal(await publisher.ended, 0)
  t.same(stored(), records(0, written))
  t.same([...publisher.log, ...again.log].filter(({ level }) => level === 'error'), [])
})

async function read (subscriber: Subscriber, count: number): Promise<Array<{ frames: number, text: string }>> {
  const messages = []
  for await (const frames of subscriber) {
    messages.push({ frames: frames.length, text: frames[0]?.toString('utf8') ?? '' })
    if (messages.length === count) break
  }
  return messages
}
