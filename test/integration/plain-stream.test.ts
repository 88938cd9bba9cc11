import t from 'tap'
import { Subscriber } from 'zeromq'
import { startReady } from '../helpers/daemon.js'

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

async function read (subscriber: Subscriber, count: number): Promise<Array<{ frames: number, text: string }>> {
  const messages = []
  for await (const frames of subscriber) {
    messages.push({ frames: frames.length, text: frames[0]?.toString('utf8') ?? '' })
    if (messages.length === count) break
  }
  return messages
}
