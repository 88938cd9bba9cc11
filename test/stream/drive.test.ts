import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { RecordError } from '../../lib/errors.js'
import { batchOfLines } from '../../lib/stream/batch.js'
import type { Batch, Context, Position, Reader, Writer } from '../../lib/stream/contracts.js'
import { createDeadLetters } from '../../lib/stream/dead-letters.js'
import { drive, taken, tee } from '../../lib/stream/drive.js'
import { testContext } from '../helpers/context.js'
import { batchFrom, scriptedReader, scriptedWriter, turnsOfTheLoop, type Happening, type Step, type Trace } from '../helpers/scripted.js'
import { until } from '../helpers/wait.js'

/** A context whose dead letters say in the trace when they are drained. */
function tracingContext (trace: Trace): Context {
  return testContext({ deadLetters: { add: () => {}, drain: async () => { trace.push(await Promise.resolve({ what: 'drain' })) } } })
}

const hasCommitted = (trace: Trace, reader: number, n: number): boolean => trace.some(happening => happening.what === 'commit' && happening.reader === reader && happening.n === n)
const count = (trace: Trace, what: Happening['what']): number => trace.filter(happening => happening.what === what).length

/** The last batch of each reader that has, in order, been written, been flushed after it was written, been committed. */
interface Reached { written: number[], flushed: number[], committed: number[] }

/** Replays what happened and checks what must hold at each point. */
function check (trace: Trace, readers: number): Reached {
  const none = (): number[] => Array<number>(readers).fill(-1)
  const reached = { written: none(), flushed: none(), committed: none() }
  let flushing = none()
  let drained = true
  for (const happening of trace) {
    switch (happening.what) {
      case 'pull':
        assert.equal(reached.written[happening.reader], happening.n - 1, 'asked for the next before the last was written')
        break
      case 'written':
        assert.equal(happening.n, (reached.written[happening.reader] ?? 0) + 1, 'out of order, or lost')
        reached.written[happening.reader] = happening.n
        drained = false
        break
      case 'flush':
        flushing = [...reached.written]
        break
      case 'flushed':
        reached.flushed = flushing
        drained = false
        break
      case 'drain':
        drained = true
        break
      case 'commit':
        assert(drained, 'committed before the dead letters were written')
        assert(happening.n <= (reached.flushed[happening.reader] ?? 0), 'committed before it was flushed')
        assert(happening.n >= (reached.committed[happening.reader] ?? 0), 'committed backwards')
        reached.committed[happening.reader] = happening.n
        break
      case 'write':
        assert(drained, 'written before the dead letters of the last batch were')
        break
      case 'failed':
    }
  }
  return reached
}

const scripts = fc.array(fc.array(fc.nat(4), { maxLength: 8 }), { minLength: 1, maxLength: 4 })
const options = fc.record({ flushIntervalMs: fc.constantFrom(0, 1, 3, Infinity), flushBytes: fc.constantFrom(1, 7, 20, Infinity) })
const paces = fc.array(fc.nat(4), { minLength: 1, maxLength: 5 })

const stepsOf = (turns: readonly number[]): Step[] => turns.map(turns => ({ turns }))

t.test('whatever the pace of readers and writer: all is written in order, flushed, then committed, and nothing is asked for too early', async () => {
  await fc.assert(fc.asyncProperty(scripts, paces, options, async (scripts, turns, options) => {
    const trace: Trace = []
    const ctx = tracingContext(trace)

    await drive(scripts.map((script, i) => scriptedReader(i, stepsOf(script), trace)), scriptedWriter(trace, { turns }), ctx, options)

    const last = scripts.map(script => script.length - 1)
    assert.deepEqual(check(trace, scripts.length), { written: last, flushed: last, committed: last })
    assert.equal(ctx.metrics.count(taken), scripts.flat().length)
  }))
})

t.test('whichever reader fails: its error comes out, after all that was handed over is flushed and committed', async () => {
  await fc.assert(fc.asyncProperty(scripts, fc.array(fc.nat(4), { maxLength: 5 }), paces, options, async (scripts, failing, turns, options) => {
    const trace: Trace = []
    const error = new Error('gone')
    const readers = [...scripts.map(stepsOf), [...stepsOf(failing), { turns: 0, error }]]

    await assert.rejects(drive(readers.map((steps, i) => scriptedReader(i, steps, trace)), scriptedWriter(trace, { turns }), tracingContext(trace), options), error)

    const { written, flushed, committed } = check(trace, readers.length)
    assert.equal(written.at(-1), failing.length - 1)
    assert.deepEqual(flushed, written)
    assert.deepEqual(committed, written)
  }))
})

t.test('whichever call of the writer fails: its error comes out, and what was written before is flushed and committed', async () => {
  await fc.assert(fc.asyncProperty(scripts, fc.nat(12), paces, options, async (scripts, call, turns, options) => {
    const trace: Trace = []
    const error = new Error('no space')
    const work = drive(scripts.map((script, i) => scriptedReader(i, stepsOf(script), trace)), scriptedWriter(trace, { turns, fail: { call, error } }), tracingContext(trace), options)

    const thrown = await work.then(() => null, (thrown: unknown) => thrown)

    assert.equal(thrown, count(trace, 'failed') === 0 ? null : error)
    const { written, flushed, committed } = check(trace, scripts.length)
    // the last flush of all is not tried again
    if (trace.findLast(({ what }) => what !== 'drain')?.what === 'failed') return
    assert.deepEqual(flushed, written)
    assert.deepEqual(committed, written)
  }))
})

t.test('when a commit fails, its error comes out', async t => {
  const trace: Trace = []
  const error = new Error('cannot be remembered')
  const reader = scriptedReader(0, stepsOf([0, 0]), trace, async n => { if (n === 1) throw await Promise.resolve(error) })

  await t.rejects(drive([reader], scriptedWriter(trace), tracingContext(trace), { flushBytes: 1 }), error)

  t.equal(check(trace, 1).committed[0], 0)
})

t.test('when the flush after a failure fails too, the first error comes out and the second is in the log', async t => {
  const ctx = testContext()
  const broken: Writer = {
    write: async () => { throw await Promise.resolve(new Error('first')) },
    flush: async () => { throw await Promise.resolve(new Error('second')) },
    close: async () => {}
  }

  await t.rejects(drive([scriptedReader(0, stepsOf([0]), [])], broken, ctx), { message: 'first' })

  t.match(ctx.logged(), [{ level: 'error', error: { message: 'second' } }])
})

/** A reader that gives a batch whenever `give` is called, and ends with `ctx.stop` after giving what it holds. */
function reluctantReader (trace: Trace, stop: AbortSignal): Reader & { give (): void } {
  const held: Batch[] = []
  let n = 0
  let wake = (): void => {}
  stop.addEventListener('abort', () => { wake() })
  return {
    give () {
      held.push(batchFrom(0, n++))
      wake()
    },
    async * [Symbol.asyncIterator] () {
      for (;;) {
        const batch = held.shift()
        if (batch !== undefined) yield batch
        else if (stop.aborted) return
        else await new Promise<void>(resolve => { wake = resolve })
      }
    },
    commit: async position => { trace.push(await Promise.resolve({ what: 'commit', reader: 0, n: Number(position) })) },
    close: async () => {}
  }
}

t.test('a lone record is flushed within the interval, and an idle stream is left alone', async t => {
  const trace: Trace = []
  const ctx = testContext()
  const reader = reluctantReader(trace, ctx.stop)
  const work = drive([reader], scriptedWriter(trace), ctx, { flushIntervalMs: 50 })

  for (let n = 0; n < 3; n++) {
    const start = performance.now()
    reader.give()
    await until('it is committed', () => hasCommitted(trace, 0, n))
    const ms = performance.now() - start
    t.ok(ms >= 45 && ms < 1000, `flushed after ${ms} ms`)
    t.equal(count(trace, 'flush'), n + 1)
  }
  ctx.abort()
  await work

  t.equal(count(trace, 'flush'), 4, 'once more at the end')
})

t.test('a stream that never pauses is flushed once an interval', async t => {
  const trace: Trace = []
  const ctx = testContext()
  const busy: Reader = {
    async * [Symbol.asyncIterator] () {
      for (let n = 0; !ctx.stop.aborted; n++) {
        yield batchFrom(0, n)
        if (n % 100 === 0) await turn()
      }
    },
    commit: async () => {},
    close: async () => {}
  }
  const start = performance.now()
  const work = drive([busy], scriptedWriter(trace), ctx, { flushIntervalMs: 20 })

  await until('it was flushed five times', () => count(trace, 'flushed') >= 5)
  ctx.abort()
  await work
  const ms = performance.now() - start

  t.ok(count(trace, 'flush') <= ms / 20 + 1, `${count(trace, 'flush')} times in ${ms} ms`)
  t.ok(count(trace, 'written') > 50)
})

t.test('a clock that is set back does not hold up a flush', async t => {
  const trace: Trace = []
  const ctx = testContext()
  const reader = reluctantReader(trace, ctx.stop)
  const work = drive([reader], scriptedWriter(trace), ctx, { flushIntervalMs: 20 })
  const { now } = Date
  t.teardown(() => { Date.now = now })

  reader.give()
  await until('it is written', () => count(trace, 'written') === 1)
  Date.now = () => now() - 3_600_000
  reader.give()
  await until('it is flushed', () => hasCommitted(trace, 0, 1), 5000 - 3_600_000)
  ctx.abort()
  await work
})

t.test('bytes that pile up are flushed before the interval ends', async t => {
  const trace: Trace = []
  const ctx = testContext()
  const reader = reluctantReader(trace, ctx.stop)
  const work = drive([reader], scriptedWriter(trace), ctx, { flushIntervalMs: Infinity, flushBytes: 6 })

  for (let n = 0; n < 4; n++) reader.give()
  await until('the fourth is committed', () => hasCommitted(trace, 0, 3))

  t.notOk(hasCommitted(trace, 0, 0))
  t.ok(hasCommitted(trace, 0, 1))
  ctx.abort()
  await work
})

t.test('after the stop signal, what a reader still holds is written, flushed and committed', async t => {
  const trace: Trace = []
  const ctx = testContext()
  const reader = reluctantReader(trace, ctx.stop)
  const work = drive([reader], scriptedWriter(trace, { turns: [3] }), ctx, { flushIntervalMs: Infinity })

  for (let n = 0; n < 20; n++) reader.give()
  ctx.abort()
  await work

  t.strictSame(check(trace, 1), { written: [19], flushed: [19], committed: [19] })
})

t.test('a reader that ends early does not end the others', async t => {
  const trace: Trace = []

  await drive([scriptedReader(0, [], trace), scriptedReader(1, stepsOf([5, 5, 5]), trace)], scriptedWriter(trace), testContext())

  t.strictSame(check(trace, 2).committed, [-1, 2])
})

t.test('a source without positions is flushed, and nothing is committed', async t => {
  const trace: Trace = []
  const reader: Reader = {
    async * [Symbol.asyncIterator] () { yield await Promise.resolve(batchOfLines(['0:0']) as Batch) },
    commit: async (position: Position) => { t.fail(`committed ${position}`) },
    close: async () => {}
  }

  await drive([reader], scriptedWriter(trace), testContext())

  t.equal(count(trace, 'flushed'), 1)
})

t.test('dead letters are written before the position of their record is committed, also after a first attempt failed', async t => {
  const trace: Trace = []
  const ctx = testContext()
  const letters = createDeadLetters('m2', ctx.log, ctx.metrics)
  const store: Writer = {
    write: async batch => { letters.add(batch.lines()[0] ?? '', new RecordError('refused-by-store', 'too wide')) },
    flush: async () => { letters.add('refused late', new RecordError('refused-by-store', 'too late')) },
    close: async () => {}
  }
  // the third call writes the letter of the first flush
  letters.keepIn(scriptedWriter(trace, { fail: { call: 2, error: new Error('no space') } }))

  await t.rejects(drive([scriptedReader(0, stepsOf([0]), trace)], store, { ...ctx, deadLetters: letters }, { flushBytes: 1 }), { message: 'no space' })

  const whats = trace.map(({ what }) => what)
  t.ok(whats.lastIndexOf('written') > whats.indexOf('failed'), 'the letter is written in the second attempt')
  t.ok(whats.indexOf('commit') > whats.lastIndexOf('flushed'))
})

t.test('tee: each writer gets every batch; the slowest sets the pace', async t => {
  const traces: Trace[] = [[], [], []]
  const writers = traces.map((trace, i) => scriptedWriter(trace, { turns: [i * 3] }))
  const pulls: Trace = []

  await drive([scriptedReader(0, stepsOf([0, 0, 0, 0]), pulls)], tee(writers), testContext(), { flushBytes: 4 })

  for (const trace of traces) {
    t.strictSame(trace.flatMap(happening => happening.what === 'written' ? [happening.n] : []), [0, 1, 2, 3])
    t.equal(count(trace, 'flushed'), 3)
  }
})

t.test('tee: when one fails, the others are not called again before they are done', async t => {
  const slow: Trace = []
  const error = new Error('gone')
  const both = tee([scriptedWriter(slow, { turns: [5] }), scriptedWriter([], { fail: { call: 1, error } })])

  await t.rejects(drive([scriptedReader(0, stepsOf([0, 0, 0]), [])], both, testContext()), error)

  t.strictSame(slow.map(({ what }) => what), ['write', 'written', 'write', 'written', 'flush', 'flushed'])
})

t.test('tee of one writer is that writer', async t => {
  const writer = scriptedWriter([])

  t.equal(tee([writer]), writer)
})

t.test('tee closes all, also when one cannot be closed', async t => {
  const closed: number[] = []
  const closing = (n: number): Writer => ({
    write: async () => {},
    flush: async () => {},
    async close () {
      await turnsOfTheLoop(n)
      if (n === 0) throw new Error('cannot be closed')
      closed.push(n)
    }
  })

  await t.rejects(tee([closing(0), closing(1), closing(2)]).close(), { message: 'cannot be closed' })

  t.strictSame(closed, [1, 2])
})
