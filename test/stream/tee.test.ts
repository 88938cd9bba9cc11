import t from 'tap'
import type { Writer } from '../../lib/stream/contracts.js'
import { drive, tee } from '../../lib/stream/drive.js'
import { testContext } from '../helpers/context.js'
import { count, scriptedReader, scriptedWriter, stepsOf, turnsOfTheLoop, type Trace } from '../helpers/scripted.js'

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

// seen to fail when every wrapper may settle: what a journal holds would pile up while a table is held
t.test('several writers wait for a part of the records only if all of them can', async t => {
  const sink: Writer = { write: async () => {}, flush: async () => {}, close: async () => {} }
  const held: Writer = { ...sink, settle: async () => await Promise.resolve(false) }

  t.equal(await tee([held, sink]).settle?.(), false)
  t.equal(tee([held, { ...sink, eager: true }]).settle, undefined)
  t.equal(tee([held, { ...sink, holds: true }]).settle, undefined)
})
