import t, { type Test } from 'tap'
import { StreamError } from '../../lib/errors.js'
import { createPatience, type Patience } from '../../lib/sql/patience.js'
import { testContext, type TestContext } from '../helpers/context.js'
import { until } from '../helpers/wait.js'

const away = Object.assign(new Error('connection refused'), { code: 'ECONNREFUSED' })
const refused = Object.assign(new Error('access denied'), { errno: 1045 })

function setUp (t: Test, graceMs = 10_000): { ctx: TestContext, patience: Patience } {
  const ctx = testContext()
  const patience = createPatience(ctx, { store: 'mysql://db/log', held: () => 7, graceMs })
  t.teardown(async () => {
    patience.end()
    await ctx.end()
  })
  return { ctx, patience }
}

/** Fails the first times, then gives 'done'. */
function failing (errors: Error[]): () => Promise<string> {
  return async () => {
    const error = errors.shift()
    return error === undefined ? 'done' : await Promise.reject(error)
  }
}

t.test('work is repeated until it succeeds, and the log says what was waited for', async t => {
  const { ctx, patience } = setUp(t)

  t.equal(await patience.persist(failing([away, away])), 'done')
  t.match(ctx.logged(), [
    { level: 'warn', message: 'waiting for the store', store: 'mysql://db/log', rows: 7, reason: 'connection refused', since: /T/, seconds: 0 },
    { level: 'warn' },
    { level: 'info', message: 'the store is back', rows: 7 }
  ])
})

t.test('each attempt is progress, and said to people until the store is back', async t => {
  const { ctx, patience } = setUp(t)
  const said: Array<Array<[string, string]>> = []

  await patience.persist(async () => {
    said.push([...ctx.waits])
    if (said.length < 3) throw away
    await Promise.resolve()
  })

  t.strictSame(said, [[], [['mysql://db/log', 'connection refused']], [['mysql://db/log', 'connection refused']]])
  t.equal(ctx.progressed(), 3, 'two attempts, and the end')
  t.equal(ctx.waits.size, 0)
})

// seen to fail without the growth of the journal
t.test('the log says how many records are queued in the journal, and when that is full', async t => {
  const { ctx, patience } = setUp(t)
  const now = Date.now()
  ctx.lags.set('all', { records: 100, seconds: 1, journalBytes: 1000, mostBytes: 61_000 }, now - 10_000)
  ctx.lags.set('all', { records: 2100, seconds: 11, journalBytes: 11_000, mostBytes: 61_000 }, now)

  await patience.persist(failing([away]))

  const [line] = ctx.logged()
  t.match(line, { message: 'waiting for the store', queued: 2100 })
  // 1000 bytes a second, 50,000 are left
  t.ok(Math.abs(Date.parse(String(line?.['journal_full_at'])) - now - 50_000) < 10_000)
})

t.test('what an operator must correct is logged as an error, and waited for all the same', async t => {
  const { ctx, patience } = setUp(t)

  t.equal(await patience.persist(failing([refused])), 'done')
  t.match(ctx.logged(), [{ level: 'error', reason: 'access denied' }, { level: 'info', message: 'the store is back' }])
})

t.test('work that succeeds at once is not worth a line', async t => {
  const { ctx, patience } = setUp(t)
  await patience.persist(failing([]))

  t.strictSame(ctx.logged(), [])
})

t.test('an error that waiting does not cure is thrown', async t => {
  const { patience } = setUp(t)

  await t.rejects(patience.persist(failing([new TypeError('a bug')])), TypeError)
})

t.test('after the stop there is one more attempt at once, and time for a store that comes back', async t => {
  const { ctx, patience } = setUp(t)
  let attempts = 0
  let back = false
  const done = patience.persist(async () => {
    attempts++
    return await (back ? Promise.resolve('done') : Promise.reject(away))
  })
  await until('several attempts failed', () => attempts >= 4)

  const before = Date.now()
  back = true
  ctx.abort()
  t.equal(await done, 'done')
  t.ok(Date.now() - before < 300, 'the pause was cut short')
})

t.test('some time after the stop waiting ends with StreamError', async t => {
  const { ctx, patience } = setUp(t, 300)
  const waiting = patience.persist(async () => await Promise.reject(away))
  ctx.abort()

  await t.rejects(waiting, new StreamError('stopped', 'mysql://db/log was waited for in vain: connection refused'))
  await t.rejects(patience.persist(failing([])), StreamError)
})

t.test('the end breaks off what waits, without a stop', async t => {
  const { patience } = setUp(t)
  const waiting = patience.persist(async () => await Promise.reject(away))
  patience.end()

  await t.rejects(waiting, StreamError)
})
