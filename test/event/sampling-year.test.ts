import { join } from 'node:path'
import t from 'tap'
import { compileFormat } from '../../lib/event/line-format.js'
import { nobodyOptedOut } from '../../lib/event/opt-out.js'
import { createEventProcessor } from '../../lib/event/processor.js'
import { createSampler } from '../../lib/event/sampling.js'
import { openSchemas, shippedSchemas } from '../../lib/event/schema-repository.js'
import { readRegistry } from '../../lib/registry/registry.js'
import { testContext } from '../helpers/context.js'

const days = 365
const sessionsADay = 200
/** Of the normal distribution: 95 % are within so many standard errors. */
const quantile = 1.96

/** Numbers from 0 to 1 that are the same in each run: a linear congruential generator, for sizes alone. */
function numbersFrom (seed: number): () => number {
  let state = seed
  return () => (state = (state * 1664525 + 1013904223) % 2 ** 32) / 2 ** 32
}

/** What a day's sessions are estimated by: of each that was kept, for how many events it stands, and its rate. */
type Kept = Map<string, { weight: number, rate: number, events: number }>

interface Year {
  /** Events that came, by day. */
  readonly came: number[]
  readonly kept: Kept[]
  /** Events of each session. */
  readonly sizes: Map<string, number>
}

/** A year of sessions of 1 to 8 events, most of them short, through the processor. */
async function yearOf (sampling: string, seed: number): Promise<Year> {
  const { log } = testContext()
  const registry = readRegistry(`schemas: { Visit: { sampling: ${sampling} } }`, 'registry.yaml')
  const schemas = await openSchemas({ directories: [join(t.testdirName, 'schemas'), shippedSchemas()], log })
  const processor = createEventProcessor({
    format: compileFormat('%{seqId}d %j'), schemas, sampler: createSampler(() => registry), optOut: nobodyOptedOut, hashAddress: text => text, parseUserAgent: text => text, maxLine: 1000, hostname: 'here'
  })
  const next = numbersFrom(seed)
  const year: Year = { came: [], kept: [], sizes: new Map() }
  let seqId = 0
  for (let day = 0; day < days; day++) {
    const kept: Kept = new Map()
    let came = 0
    for (let n = 0; n < sessionsADay; n++) {
      const session = `${day}-${n}`
      const size = 1 + Math.floor(8 * next() ** 2)
      year.sizes.set(session, size)
      for (let event = 0; event < size; event++, came++) {
        const timestamp = 1388534400 + day * 86_400 + n * 400 + event
        const outcome = processor.process(`${++seqId} {"schema":"Visit","revision":1,"wiki":"w","recvFrom":"h","timestamp":${timestamp},"event":{"session":"${session}"}}`)
        if (outcome.kind === 'dropped') continue
        if (outcome.kind !== 'valid') throw new Error(JSON.stringify(outcome))
        const { samplingRate: rate, uuid, event: { session: token } } = JSON.parse(outcome.json) as { samplingRate: number, uuid: string, event: { session: string } }
        const key = sampling.includes('by') ? token : uuid
        const before = kept.get(key) ?? { weight: 0, rate, events: 0 }
        kept.set(key, { rate, weight: before.weight + 1 / rate, events: before.events + 1 })
      }
    }
    year.came.push(came)
    year.kept.push(kept)
  }
  return year
}

/** As docs/analysts.md tells to do it. */
function estimateOf (kept: Kept): { events: number, stdError: number } {
  let [events, variance] = [0, 0]
  for (const { weight, rate } of kept.values()) {
    events += weight
    variance += weight * weight * (1 - rate)
  }
  return { events, stdError: Math.sqrt(variance) }
}

function sum (values: Iterable<number>): number {
  return [...values].reduce((sum, value) => sum + value, 0)
}

t.testdir({ schemas: { Visit: { '1.json': '{"properties": {"session": {"type": "string", "required": true}}}' } } })

for (const { name, sampling, seed } of [
  { name: 'sessions', sampling: '{ rate: 0.3, by: event.session }', seed: 1 },
  { name: 'events', sampling: '{ rate: 0.3 }', seed: 2 }
]) {
  // seen to fail when the rate in the event is a twentieth more than that of the decision
  t.test(`of a year of which ${name} are sampled, the estimates of 95 % of days are within their interval of what came, and neither high nor low in all`, async t => {
    const { came, kept, sizes } = await yearOf(sampling, seed)
    const estimates = kept.map(estimateOf)

    const within = estimates.filter(({ events, stdError }, day) => Math.abs(events - (came[day] ?? 0)) <= quantile * stdError).length
    const year = { events: sum(estimates.map(({ events }) => events)), stdError: Math.hypot(...estimates.map(({ stdError }) => stdError)) }
    const above = estimates.filter(({ events }, day) => events > (came[day] ?? 0)).length

    t.ok(within / days > 0.92 && within / days < 0.98, `${within} of ${days} days are within`)
    t.ok(Math.abs(year.events - sum(came)) < quantile * year.stdError, `${year.events} of ${sum(came)}, give or take ${year.stdError}`)
    t.ok(above / days > 0.4 && above / days < 0.6, `${above} of ${days} are above`)
    if (name === 'sessions') {
      const torn = kept.flatMap(sessions => [...sessions]).filter(([session, { events }]) => events !== sizes.get(session))
      t.strictSame(torn, [], 'sessions are whole')
    }
  })
}
