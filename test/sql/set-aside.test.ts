import t from 'tap'
import type { Identity } from '../../lib/event/identity.js'
import { SetAside } from '../../lib/sql/set-aside.js'

const schema = (name: string, revision = 1): Identity => ({ name, revision, style: 'capsule' })
const origin = { timeMs: 0, schemas: null }

/** A preparation that a test ends. */
function preparation (): { work: Promise<void>, done (): void, failed (error: Error): void } {
  let done = (): void => {}
  let failed = (_error: Error): void => {}
  const work = new Promise<void>((resolve, reject) => { [done, failed] = [resolve, reject] })
  return { work, done, failed }
}

/** Takes out everything that need not wait. */
function taken (aside: SetAside): unknown[] {
  const pieces = []
  for (let piece = aside.firstReady(); piece !== undefined; piece = aside.firstReady()) {
    aside.removeFirst()
    pieces.push(piece)
  }
  return pieces
}

t.test('records wait for the preparation of their own schema only, and come back in order, by batch', async t => {
  const aside = new SetAside()
  const [a, b] = [preparation(), preparation()]
  const later = { timeMs: 1, schemas: null }
  aside.begin(schema('A'), a.work)
  aside.begin(schema('B'), b.work)
  for (const [name, record, from] of [['A', 'a1', origin], ['B', 'b1', origin], ['A', 'a2', origin], ['A', 'a3', later]] as const) aside.add(schema(name), record, from)

  t.notOk(aside.add(schema('A', 2), 'x', origin), 'another revision need not wait')
  t.strictSame(taken(aside), [])
  a.done()
  await aside.untilReady()
  t.match(taken(aside), [{ origin, records: ['a1', 'a2'] }, { origin: later, records: ['a3'] }])
  t.notOk(aside.add(schema('A'), 'a4', origin), 'nothing is prepared any more')
  t.notOk(aside.isEmpty)
  b.done()
  await aside.untilReady()
  t.match(taken(aside), [{ records: ['b1'] }])
  t.ok(aside.isEmpty)
})

t.test('what was prepared in vain comes back with the reason', async t => {
  const aside = new SetAside()
  const { work, failed } = preparation()
  aside.begin(schema('A'), work)
  aside.add(schema('A'), 'a1', origin)
  failed(new Error('no room'))
  await aside.untilReady()

  t.match(taken(aside), [{ records: ['a1'], error: { message: 'no room' } }])
})

t.test('it counts what it has, up to the moment that it is removed', async t => {
  const aside = new SetAside()
  const { work, done } = preparation()
  aside.begin(schema('A'), work)
  aside.add(schema('A'), 'twelve bytes', origin)
  aside.add(schema('A'), 'eight by', { ...origin })
  done()
  await aside.untilReady()
  const sizes = (): unknown => [aside.rows, aside.bytes, aside.isEmpty]

  t.ok(aside.firstReady())
  t.strictSame(sizes(), [2, 20, false])
  aside.removeFirst()
  t.strictSame(sizes(), [1, 8, false])
  aside.removeFirst()
  t.strictSame(sizes(), [0, 0, true])
  t.equal(aside.firstReady(), undefined)
})
