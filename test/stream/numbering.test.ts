import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { byContent, contentNumber, inSteps, type Numbering } from '../../lib/stream/numbering.js'
import { openState } from '../../lib/stream/state.js'

/** Batches without a restart between them, and how they are counted. */
interface Run {
  readonly increment: number
  readonly sizes: readonly number[]
  readonly held: boolean
}

const increment = fc.integer({ min: 2, max: 5 })
const runs = (increments: fc.Arbitrary<number>): fc.Arbitrary<Run[]> =>
  fc.array(fc.record({ increment: increments, sizes: fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 6 }), held: fc.boolean() }), { minLength: 1, maxLength: 4 })

/** The numbers that a host gives in runs one after the other, each with the state that the last one has left. */
function givenIn (t: Test, runs: readonly Run[], offset: number): number[] {
  const directory = t.testdir()
  const given = runs.flatMap(({ increment, sizes, held }) => {
    const state = openState(directory, 'host')
    const numbering = inSteps(state.sequence('count'), { increment, offset: Math.min(offset, increment) })
    const numbers = sizes.flatMap(size => {
      const batch = numbering(linesOf(Array<string>(size).fill('x')), held)
      state.save()
      return batch
    })
    state.close()
    return numbers
  })
  rmSync(directory, { recursive: true })
  return given
}

function linesOf (texts: readonly string[]): Buffer[] {
  return texts.map(text => Buffer.from(text))
}

t.test('hosts with one increment and offsets of their own never give the same number, whatever each of them has counted', t => {
  fc.assert(fc.property(increment.chain(increment => fc.tuple(fc.constant(increment), fc.array(runs(fc.constant(increment)), { minLength: increment, maxLength: increment }))), ([increment, hosts]) => {
    const given = hosts.map((runs, i) => givenIn(t, runs, i + 1))

    const all = given.flat()
    assert.equal(new Set(all).size, all.length)
    for (const [i, numbers] of given.entries()) assert.ok(numbers.every(number => number % increment === (i + 1) % increment))
  }), { numRuns: 40 })
  t.end()
})

t.test('no host gives a number twice, whatever increment it had before', t => {
  fc.assert(fc.property(runs(fc.integer({ min: 1, max: 5 })), fc.integer({ min: 1, max: 5 }), (runs, offset) => {
    const numbers = givenIn(t, runs, offset)

    assert.ok(numbers.every((number, i) => i === 0 || number > (numbers[i - 1] ?? 0)), 'they grow')
  }), { numRuns: 40 })
  t.end()
})

t.test('without an increment numbers are 0, 1, 2 …', t => {
  t.strictSame(givenIn(t, [{ increment: 1, sizes: [2, 3], held: false }, { increment: 1, sizes: [1], held: true }], 1), [0, 1, 2, 3, 4, 5])
  t.end()
})

t.test('a number made of content is the first 52 bits of the SHA-1 of the line', t => {
  // FIPS 180-4: the digest of "abc"
  t.equal(contentNumber(Buffer.from('abc')), 0xa9993e3647068)
  fc.assert(fc.property(fc.uint8Array(), bytes => {
    const digest = createHash('sha1').update(bytes).digest()
    assert.equal(BigInt(contentNumber(Buffer.from(bytes))), digest.readBigUInt64BE() >> 12n)
  }))
  t.end()
})

/** A line, and who gets it, and whether that host starts anew before. */
interface Sending {
  readonly line: string
  readonly a: Fate
  readonly b: Fate
}
type Fate = 'taken' | 'lost' | 'taken after a restart'

/** Few different lines, so that they come again. */
const line = fc.constantFrom('a', 'b', 'c', 'd', '')
const calm = fc.constantFrom<Fate>('taken', 'taken', 'lost')
const rough = fc.constantFrom<Fate>('taken', 'taken', 'lost', 'taken after a restart')
const sendings = (fate: fc.Arbitrary<Fate>): fc.Arbitrary<Sending[]> => fc.array(fc.record({ line, a: fate, b: fate }), { maxLength: 40 })
/** By which the lines that a host takes are cut into batches. */
const cut = fc.integer({ min: 1, max: 7 })

/** What becomes rows: line and number. */
function numberedBy (host: 'a' | 'b', sendings: readonly Sending[], size: number, start: () => Numbering): string[] {
  let numbering = start()
  let batch: string[] = []
  const events: string[] = []
  const flush = (): void => {
    const numbers = numbering(linesOf(batch), false)
    events.push(...batch.map((line, i) => `${line} ${numbers[i]}`))
    batch = []
  }
  for (const { line, [host]: fate } of sendings) {
    if (fate === 'lost') continue
    if (fate === 'taken after a restart') {
      flush()
      numbering = start()
    }
    batch.push(line)
    if (batch.length >= size) flush()
  }
  flush()
  return events
}

function times (sendings: readonly Sending[], text: string, host?: 'a' | 'b'): number {
  return sendings.filter(sending => sending.line === text && (host === undefined || sending[host] !== 'lost')).length
}

t.test('two hosts that get the same lines give them the same numbers, each line another one', t => {
  fc.assert(fc.property(fc.array(line), cut, cut, (lines, sizeA, sizeB) => {
    const sent = lines.map(line => ({ line, a: 'taken', b: 'taken' } as const))

    const events = numberedBy('a', sent, sizeA, () => byContent())

    assert.deepEqual(events, numberedBy('b', sent, sizeB, () => byContent()))
    assert.equal(new Set(events).size, lines.length, 'also of lines that come again')
  }))
  t.end()
})

t.test('whatever is lost to one of them, a line that was sent once has one number on both', t => {
  fc.assert(fc.property(sendings(rough), cut, cut, (sent, sizeA, sizeB) => {
    const different = sent.map((sending, i) => ({ ...sending, line: `${sending.line} ${i}` }))

    const events = [...numberedBy('a', different, sizeA, () => byContent()), ...numberedBy('b', different, sizeB, () => byContent())]

    const taken = different.filter(({ a, b }) => a !== 'lost' || b !== 'lost')
    assert.deepEqual([...new Set(events)].sort(), taken.map(({ line }) => `${line} ${contentNumber(Buffer.from(line))}`).sort())
  }))
  t.end()
})

t.test('of a line that was sent several times, so many events are told apart as came to the host that got more of them', t => {
  fc.assert(fc.property(sendings(calm), cut, cut, (sent, sizeA, sizeB) => {
    const events = new Set([...numberedBy('a', sent, sizeA, () => byContent()), ...numberedBy('b', sent, sizeB, () => byContent())])

    for (const { line } of sent) {
      const told = [...events].filter(event => event.startsWith(`${line} `)).length
      assert.equal(told, Math.max(times(sent, line, 'a'), times(sent, line, 'b')), line)
    }
  }))
  t.end()
})

t.test('whatever is lost or forgotten, no line becomes more events than it was sent, and none becomes nothing', t => {
  const forgetful = fc.record({ lines: fc.integer({ min: 1, max: 4 }), ms: fc.integer({ min: 1, max: 20 }) })
  fc.assert(fc.property(sendings(rough), cut, cut, forgetful, forgetful, (sent, sizeA, sizeB, a, b) => {
    let ms = 0
    const start = (options: typeof a) => () => byContent({ nowMs: () => ms++, ...options })

    const events = new Set([...numberedBy('a', sent, sizeA, start(a)), ...numberedBy('b', sent, sizeB, start(b))])

    for (const { line } of sent) {
      const told = [...events].filter(event => event.startsWith(`${line} `)).length
      assert.ok(told <= times(sent, line), `${line}: ${told} events`)
      assert.ok(told > 0 || times(sent, line, 'a') + times(sent, line, 'b') === 0, line)
    }
  }))
  t.end()
})

t.test('a line is another event while it is remembered, which is five to ten minutes or some 100,000 lines; then it is the same one', t => {
  let ms = 0
  const numbering = byContent({ nowMs: () => ms, lines: 3, ms: 100 })
  const [one = NaN] = numbering(linesOf(['x']), false)

  t.strictSame(numbering(linesOf(['x']), false), [one + 1])
  ms = 150
  t.strictSame(numbering(linesOf(['x']), false), [one + 2], 'forgotten with the younger half')
  ms = 400
  t.strictSame(numbering(linesOf(['x', 'a', 'b', 'x']), false).filter((_, i) => i % 3 === 0), [one, one + 1], 'forgotten by time, remembered among the older half of the lines')
  t.strictSame(numbering(linesOf(['c', 'd', 'e', 'f', 'x']), false).slice(-1), [one + 2], 'x came since')
  numbering(linesOf(['1', '2', '3', '4', '5', '6']), false)
  t.strictSame(numbering(linesOf(['x']), false), [one], 'forgotten by the number of lines')
  t.end()
})
