import { Dealer, Publisher, Router } from 'zeromq'
import { createLog } from '../../../lib/log.js'
import { builtInReaders } from '../../../lib/readers/index.js'
import type { TcpReader } from '../../../lib/readers/tcp.js'
import type { Reader } from '../../../lib/stream/contracts.js'
import { builtInWriters } from '../../../lib/writers/index.js'
import type { JournaledWriter } from '../../../lib/writers/tcp-journal.js'
import { testContext } from '../../helpers/context.js'
import { until } from '../../helpers/wait.js'
import type { Target } from '../harness.js'
import { framesOf, mutatedMessage } from './journal-messages.js'

interface Input {
  /** For a plain reader, a named subscriber, what answers it, and the replay socket of a publisher. */
  readonly plain: string[], readonly stream: string[], readonly answer: string[], readonly request: string[]
}

/** Real sockets that get what nobody of ours sends. */
export const sockets: Target<Input> = {
  name: 'sockets',
  async open () {
    const ctx = testContext({ log: createLog({ level: 'error' }) })
    const failures: unknown[] = []
    const plain = await builtInReaders().open('tcp://127.0.0.1:0?bind=true', ctx) as TcpReader
    const writer = await builtInWriters().open('tcp://127.0.0.1:0?journal=all&replay=0', ctx) as JournaledWriter
    const [toPlain, publisher, answers, requests, asker] = [new Publisher({ linger: 0 }), new Publisher({ linger: 0 }), new Router({ linger: 0, mandatory: false }), new Dealer({ linger: 0 }), new Dealer({ linger: 0, receiveTimeout: 10_000 })]
    toPlain.connect(plain.endpoint)
    for (const socket of [requests, asker]) socket.connect(writer.replayEndpoint)
    void drain()
    await publisher.bind('tcp://127.0.0.1:0')
    await answers.bind('tcp://127.0.0.1:0')
    const replay = Number(/\d+$/.exec(answers.lastEndpoint ?? '')?.[0])
    const named = await builtInReaders().open(`${publisher.lastEndpoint}?as=fuzz`, ctx)
    let answer: Buffer[] = []
    void answerAll()
    const seen = { plain: 0, named: 0 }
    let next = 0
    void follow(plain, 'plain')
    void follow(named, 'named')
    await until('the readers are there', async () => {
      await signal()
      return seen.plain > 0 && seen.named > 0
    })

    async function follow (reader: Reader, which: 'plain' | 'named'): Promise<void> {
      try {
        for await (const batch of reader) if (batch.lines().some(line => line.startsWith('signal'))) seen[which]++
        if (!ctx.stop.aborted) failures.push(new Error(`${which} has ended`))
      } catch (error) {
        failures.push(error)
      }
    }

    async function drain (): Promise<void> {
      for await (const [header] of requests) if (header === undefined) return
    }

    async function answerAll (): Promise<void> {
      for await (const [sender] of answers) if (sender !== undefined && answer.length > 0) await answers.send([sender, ...answer])
    }

    /** A journal of another id each time: the subscriber begins anew with it. */
    async function signal (): Promise<void> {
      await toPlain.send('signal')
      const id = (++next).toString(16).padStart(16, '0')
      await publisher.send([JSON.stringify({ journal: 'all', id, replay, first: 0, count: 1, time: 1, schemas: { '-': 1 } }), 'signal'])
    }

    return {
      generate: random => ({ plain: mutatedMessage(random), stream: mutatedMessage(random), answer: mutatedMessage(random), request: mutatedMessage(random) }),
      async run (input) {
        const before = { ...seen }
        answer = framesOf(input.answer)
        // a reader that does not get an answer waits for it
        const stream = framesOf(input.stream.map(frame => frame.replace(/"replay":\d+/, `"replay":${replay}`)))
        for (const [socket, frames] of [[toPlain, framesOf(input.plain)], [publisher, stream], [requests, framesOf(input.request)]] as const) if (frames.length > 0) await socket.send(frames)
        // who asks for too much loses the connection; others do not
        await asker.send('{"as":"signal","id":"0123456789abcdef","status":0}')
        if ((await asker.receive())[0]?.includes('"status"') !== true) throw new Error('there is no answer')
        await until('the readers go on', async () => {
          if (failures.length > 0 || (seen.plain > before.plain && seen.named > before.named)) return true
          await signal()
          return false
        })
        if (failures.length > 0) throw failures[0]
      },
      async close () {
        for (const socket of [toPlain, publisher, answers, requests, asker]) socket.close()
        ctx.abort()
        await Promise.all([plain.close(), named.close(), writer.close()])
        await ctx.end()
      }
    }
  }
}
