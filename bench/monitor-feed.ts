/**
 * Publishes what a monitor counts: `RATE DIRECTORY URI=KIND…`, so many records a second of all streams together, half a kilobyte each. Tells
 * its parent `ready`; begins with the message `begin`, ends with `end`, and answers both, and every other, with how many it has sent.
 */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { errorsOf } from '../lib/event/composition.js'
import { arrival, batchOfLines } from '../lib/stream/batch.js'
import type { Batch } from '../lib/stream/contracts.js'
import { openState } from '../lib/stream/state.js'
import { builtInWriters } from '../lib/writers/index.js'
import { testContext } from '../test/helpers/context.js'
import { isInvalid, smallError, smallEvent, smallLine } from './lines.js'

/** Of such pieces a publisher's stream consists when its input comes evenly. */
const everyMs = 20
/** Made once: making them takes longer than counting them. */
const different = 2000

const [rate = '', directory = '', ...streams] = process.argv.slice(2)
const state = openState(directory, 'feed', { fsync: 'checkpoint' })
const ctx = testContext({ state })
const writers = await Promise.all(streams.map(async text => {
  const [, uri = '', kind = ''] = /^(.*)=(\w+)$/.exec(text) ?? []
  return { writer: await builtInWriters().open(uri, ctx), take: taker(kind) }
}))
let sent = 0
let ended = false
process.send?.('ready')
await once(process, 'message')
process.on('message', message => {
  if (message === 'end') ended = true
  else process.send?.(sent)
})

const start = performance.now()
while (!ended) {
  const due = Math.floor((performance.now() - start) / 1000 * Number(rate) / writers.length - sent / writers.length)
  if (due >= 1) {
    for (const { writer, take } of writers) {
      await writer.write(take(due))
      await writer.flush()
      sent += due
    }
    await ctx.save()
  }
  await sleep(everyMs)
}
process.send?.(sent)
// what is in the sockets is still to be sent
await sleep(500)
for (const { writer } of writers) await writer.close()
await ctx.end()
state.close()
process.disconnect?.()

function taker (kind: string): (count: number) => Batch {
  const lines = Array.from({ length: different }, (_, i) => kind === 'raw' ? smallLine(i) : isInvalid(i) ? smallError(i) : smallEvent(i))
  let next = 0
  return count => {
    const records: string[] = []
    let invalid = 0
    for (let i = 0; i < count; i++, next++) {
      records.push(lines[next % different] as string)
      if (isInvalid(next % different)) invalid++
    }
    const { schemas: raw, ...provenance } = arrival('feed', count)
    const events = new Map([['BenchEvent', count - invalid], [errorsOf('BenchEvent'), invalid]].filter(([, n]) => n !== 0) as Array<[string, number]>)
    return batchOfLines(records, { ...provenance, schemas: kind === 'raw' ? raw : events }) as Batch
  }
}
