import { batchOfLines, unclassified } from '../../../lib/stream/batch.js'
import { parseUri } from '../../../lib/stream/uri.js'
import { parseMessage, parseRequest, recordsMessage, replayEndpointOf, stateMessage } from '../../../lib/zmq/journal-messages.js'
import type { Target } from '../harness.js'
import { mutateJson, mutateText } from '../mutate.js'
import type { Random } from '../random.js'

const origin = { journal: 'all-events', id: '0123456789abcdef', replay: 8710, previous: { id: 'fedcba9876543210', next: 7 } }

/** Messages of a journaled stream, frame by frame, a character a byte. */
export const realMessages: readonly string[][] = [
  [...recordsMessage(origin, { first: 5, count: 2, payload: batchOfLines(['one', 'two'])?.payload ?? Buffer.alloc(0), timeMs: 1_400_664_601_000, schemas: unclassified(2) })].map(frame => frame.toString('latin1')),
  stateMessage(origin, 7),
  stateMessage(origin, 7, { bytes: 100, most: 1000, time: null }),
  ['{"as":"mysql","id":"0123456789abcdef","from":3,"bytes":1000000}'],
  ['{"as":"mysql","id":"0123456789abcdef","committed":3}'],
  ['{"as":"mysql","id":"0123456789abcdef","status":3}']
]

/** One that is nearly right: its JSON is changed, or its bytes, or its frames. */
export function mutatedMessage (random: Random, messages: readonly string[][] = realMessages): string[] {
  const [header = '', ...rest] = random.pick(messages)
  const changed = random.oneIn(3) ? mutateText(random, header, messages.flat(), 140_000) : JSON.stringify(mutateJson(random, JSON.parse(header)))
  const frames = [changed, ...rest.map(frame => random.oneIn(2) ? frame : mutateText(random, frame, messages.flat()))]
  if (random.oneIn(6)) frames.reverse()
  if (random.oneIn(6)) frames.push(...random.pick(messages))
  return frames.slice(random.oneIn(10) ? 1 : 0)
}

export function framesOf (message: readonly string[]): Buffer[] {
  return message.map(frame => Buffer.from(frame, 'latin1'))
}

export const journalMessages: Target<string[]> = {
  name: 'journal-messages',
  async open () {
    const uri = parseUri('tcp://127.0.0.1:8610')
    return await Promise.resolve({
      generate: random => mutatedMessage(random),
      run (message) {
        const frames = framesOf(message)
        parseRequest(frames)
        const parsed = parseMessage(frames)
        if (parsed !== null) replayEndpointOf(uri, parsed.origin)
      }
    })
  }
}
