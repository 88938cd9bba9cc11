import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { Subscriber } from 'zeromq'
import { daemon, stopped } from './daemon.js'
import { compare, type Measurement } from './measure.js'

const source = 'tcp://127.0.0.1:18621'
const target = 'tcp://127.0.0.1:18622'

/**
 * The forwarder between two plain streams, against the smallest loop that receives a message from one socket and sends it
 * on another. Both get the same messages from a process of its own, and this process counts what comes out.
 */
export async function benchForwarder (records: number, rounds: number): Promise<Measurement> {
  const { rate, reference } = await compare(rounds, async () => {
    const options = '?hwm=1000000'
    const { child, ready } = daemon(['forwarder', '--input', `${source}${options}`, '--output', `${target}${options}`])
    await ready
    const rate = await pass(records)
    await stopped(child)
    return rate
  }, async () => {
    const child = fork(join(import.meta.dirname, 'forwarder-peers.js'), ['copy', source, target])
    await once(child, 'message')
    const rate = await pass(records)
    child.kill()
    await once(child, 'exit')
    return rate
  })
  return { what: 'forwarder', rate, reference, referenceIs: 'the same messages copied socket to socket', floor: 0.5, aim: 0.8 }
}

/** Sends `records` through whatever copies from source to target. Resolves with records a second, first to last arrival. */
async function pass (records: number): Promise<number> {
  const sink = new Subscriber({ receiveHighWaterMark: 0 })
  sink.connect(target)
  sink.subscribe()
  const child = fork(join(import.meta.dirname, 'forwarder-peers.js'), ['send', source, String(records)])
  let since = 0n
  let count = 0
  for await (const [message] of sink) {
    if (message?.length === 1) {
      // the first of these says that the chain is joined, the others came behind it
      if (since === 0n) child.send('go')
      since = process.hrtime.bigint()
      continue
    }
    if (++count === records) break
  }
  const seconds = Number(process.hrtime.bigint() - since) / 1e9
  sink.close()
  child.kill()
  await once(child, 'exit')
  return records / seconds
}
