import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { LeftError, RecordError } from '../../lib/errors.js'
import { batchOfLines } from '../../lib/stream/batch.js'
import type { Batch, Context, Position, Reader, Writer } from '../../lib/stream/contracts.js'
import { createDeadLetters } from '../../lib/stream/dead-letters.js'
import { drive, taken, tee } from '../../lib/stream/drive.js'
import { testContext } from '../helpers/context.js'
import { batchFrom, check, count, reluctantReader, scriptedReader, scriptedWriter, stepsOf, type Trace } from '../helpers/scripted.js'

/** A context whose dead letters say in the trace when they are drained. */
function tracingContext (trace: Trace): Context {
  return testContext({ deadLetters: { add: () => {}, drain: async () => { trace.push(await Promise.resolve({ what: 'drain' })) } } })
}

const scripts = fc.array(fc.array(fc.nat(4), { maxLength: 8 }), { minLength: 1, maxLength: 4 })
const options = fc.record({ flushIntervalMs: fc.constantFrom(0, 1, 3, Infinity), flushBytes: fc.constantFrom(1, 7, 20, Infinity) })
const paces = fc.array(fc.nat(4), { minLength: 1, maxLength: 5 })

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

// seen to fail without the exception that drive makes of it
t.test('whichever call of the writer finds that somebody else stores it: nothing more is flushed or committed, and that is no failure', async () => {
  await fc.assert(fc.asyncProperty(scripts, fc.nat(12), paces, options, async (scripts, call, turns, options) => {
    const trace: Trace = []
    const error = new LeftError('stopped', 'somebody else stores it')
    await drive(scripts.map((script, i) => scriptedReader(i, stepsOf(script), trace)), scriptedWriter(trace, { turns, fail: { call, error } }), tracingContext(trace), options)

    const failed = trace.findIndex(({ what }) => what === 'failed')
    if (failed === -1) return
    assert.deepEqual(trace.slice(failed + 1).filter(({ what }) => ['written', 'flushed', 'commit'].includes(what)), [])
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

t.test('after the stop signal, what a reader still holds is written, flushed and committed', async t => {
  const trace: Trace = []
  const stop = new AbortController()
  const ctx = { ...tracingContext(trace), stop: stop.signal }
  const reader = reluctantReader(trace, ctx.stop)
  const work = drive([reader], scriptedWriter(trace, { turns: [3] }), ctx, { flushIntervalMs: Infinity })

  for (let n = 0; n < 20; n++) reader.give()
  stop.abort()
  await work

  t.strictSame(check(trace, 1), { written: [19], flushed: [19], committed: [19] })
})

t.test('a reader that ends early does not end the others', async t => {
  const trace: Trace = []

  await drive([scriptedReader(0, [], trace), scriptedReader(1, stepsOf([5, 5, 5]), trace)], scriptedWriter(trace), tracingContext(trace))

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
  let late: string | null = '0:1'
  const store: Writer = {
    write: async batch => { letters.add(batch.lines()[0] ?? '', new RecordError('refused-by-store', 'too wide')) },
    async flush () {
      if (late !== null) letters.add(late, new RecordError('refused-by-store', 'too late'))
      late = null
    },
    close: async () => {}
  }
  // the third call writes the letter of the first flush
  letters.keepIn(scriptedWriter(trace, { fail: { call: 2, error: new Error('no space') } }))

  await t.rejects(drive([scriptedReader(0, stepsOf([0]), trace)], store, { ...ctx, deadLetters: letters }, { flushBytes: 1 }), { message: 'no space' })

  const whats = trace.map(({ what }) => what)
  t.ok(whats.lastIndexOf('written') > whats.indexOf('failed'), 'the letter is written in the second attempt')
  t.ok(whats.indexOf('commit') > whats.lastIndexOf('flushed'))
})

// seen to fail when all are begun: a store would take the inputs past what the other outputs have
t.test('a sink is begun when it is the only one, before anything is read; of several none is', async t => {
  for (const sinks of [1, 2]) {
    const trace: string[] = []
    const ctx = testContext()
    const reader: Reader = {
      async * [Symbol.asyncIterator] () { yield batchFrom(0, trace.push('read')) },
      commit: async () => {},
      close: async () => {}
    }
    const sink = (): Writer => ({ begin: async () => { trace.push('begin') }, write: async () => {}, flush: async () => {}, close: async () => {} })

    await drive([reader], tee(Array.from({ length: sinks }, sink)), ctx)

    t.strictSame(trace, sinks === 1 ? ['begin', 'read'] : ['read'])
  }
})
