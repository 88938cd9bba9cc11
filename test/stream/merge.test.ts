import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { merge, type Merge } from '../../lib/stream/merge.js'
import { scriptedReader, turnsOfTheLoop, type Step, type Trace } from '../helpers/scripted.js'

/** Turns of the event loop that each batch takes to come. */
const turns = fc.array(fc.nat(3), { maxLength: 6 })
const pauses = fc.array(fc.nat(3), { minLength: 1, maxLength: 5 })

/** Steps of a reader, with an error at the end if one is given. */
function script (turns: readonly number[], error?: Error): Step[] {
  const steps: Step[] = turns.map(turns => ({ turns }))
  return error === undefined ? steps : [...steps, { turns: 1, error }]
}

interface Outcome { readonly taken: string[], readonly error: unknown }

/** Takes all, at a pace of its own, and checks that a reader is asked only after its last batch was taken. */
async function takeAll (merged: Merge, trace: Trace, pauses: readonly number[]): Promise<Outcome> {
  const taken: string[] = []
  for (let i = 0; ; i++) {
    let pulled
    try {
      pulled = await merged.next()
    } catch (error) {
      return { taken, error }
    }
    if (pulled === null) return { taken, error: null }
    taken.push(...pulled.batch.lines())
    assert.equal(pulled.batch.position, pulled.batch.lines()[0]?.split(':')[1])
    await turnsOfTheLoop(pauses[i % pauses.length] ?? 0)
    for (const happening of trace) {
      if (happening.what === 'pull' && happening.n > 0) assert(taken.includes(`${happening.reader}:${happening.n - 1}`), 'asked too early')
    }
  }
}

const ofReader = (taken: readonly string[], reader: number): string[] => taken.filter(record => record.startsWith(`${reader}:`))
const firstOf = (reader: number, count: number): string[] => Array.from({ length: count }, (_, n) => `${reader}:${n}`)

t.test('whatever the pace of readers and consumer, everything comes once, in the order of each reader, then null', async () => {
  await fc.assert(fc.asyncProperty(fc.array(turns, { maxLength: 4 }), pauses, async (scripts, pauses) => {
    const trace: Trace = []
    const merged = merge(scripts.map((turns, i) => scriptedReader(i, script(turns), trace)))

    const { taken, error } = await takeAll(merged, trace, pauses)

    assert.equal(error, null)
    for (const [i, turns] of scripts.entries()) assert.deepEqual(ofReader(taken, i), firstOf(i, turns.length))
    assert.equal(await merged.next(), null)
  }))
})

t.test('when a reader throws, what all have handed over comes first, then its error; nobody is asked for more', async () => {
  await fc.assert(fc.asyncProperty(fc.array(turns, { maxLength: 3 }), turns, pauses, async (scripts, failing, pauses) => {
    const trace: Trace = []
    const failure = new Error('gone')
    const failed = scripts.length
    const readers = scripts.map((turns, i) => scriptedReader(i, script(turns), trace))
    const merged = merge([...readers, scriptedReader(failed, script(failing, failure), trace)])

    const { taken, error } = await takeAll(merged, trace, pauses)

    assert.equal(error, failure)
    assert.deepEqual(ofReader(taken, failed), firstOf(failed, failing.length))
    for (const i of scripts.keys()) assert.deepEqual(ofReader(taken, i), firstOf(i, ofReader(taken, i).length))
    const { length } = trace
    await assert.rejects(merged.next(), failure)
    assert.equal(trace.length, length)
  }))
})

t.test('a batch that came while another reader failed is not lost', async t => {
  const trace: Trace = []
  const failure = new Error('gone')
  const merged = merge([scriptedReader(0, [{ turns: 0, error: failure }], trace), scriptedReader(1, script([1]), trace)])
  await merged.ready(0)
  await turnsOfTheLoop(3)

  t.strictSame((await merged.next())?.batch.lines(), ['1:0'])
  await t.rejects(merged.next(), failure)
})

t.test('of several errors the first is thrown', async t => {
  const [first, second] = [new Error('first'), new Error('second')]
  const merged = merge([scriptedReader(0, [{ turns: 2, error: second }], []), scriptedReader(1, [{ turns: 0, error: first }], [])])

  await t.rejects(merged.next(), first)
  await turnsOfTheLoop(5)
  await t.rejects(merged.next(), first)
})

t.test('no readers, or readers that end at once, are the end', async t => {
  t.equal(await merge([]).next(), null)
  t.equal(await merge([]).ready(Infinity), true)
  t.equal(await merge([scriptedReader(0, [], []), scriptedReader(1, [], [])]).next(), null)
})

t.test('ready says false after its time, loses nothing, and true as soon as something comes', async t => {
  const trace: Trace = []
  let give = (): void => {}
  const given = new Promise<void>(resolve => { give = resolve })
  const slow = scriptedReader(0, script([0]), trace)
  const merged = merge([{ ...slow, async * [Symbol.asyncIterator] () { await given; yield * slow } }])

  t.equal(await merged.ready(10), false)
  t.equal(await merged.ready(0), false)
  const ready = merged.ready(600_000)
  give()

  t.equal(await ready, true)
  t.strictSame((await merged.next())?.batch.lines(), ['0:0'])
  t.equal(await merged.ready(Infinity), true, 'the end is ready too')
  t.equal(await merged.next(), null)
})

t.test('readers that always have something are served in turn', async t => {
  const merged = merge([0, 1, 2].map(i => scriptedReader(i, Array<Step>(1000).fill({ turns: 0 }), [])))
  const taken: string[] = []

  while (taken.length < 30) taken.push(...(await merged.next())?.batch.lines() ?? [])

  for (const i of [0, 1, 2]) t.equal(ofReader(taken, i).length, 10)
})
