// seen to fail when a statement that is not over is no progress ("is waited for"), when a server that cannot be asked is waited for ("gets no
// answer"), and when one that has nothing to do for the connection counts as one that works
import { readdirSync, readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { Session } from '../../../lib/sql/mysql/session.js'
import { StatementWatch } from '../../../lib/sql/mysql/long-statement.js'
import { parseUri } from '../../../lib/stream/uri.js'
import { testContext, type TestContext } from '../../helpers/context.js'
import { needsMariadb, startMariadb } from '../../helpers/mariadb.js'
import { until } from '../../helpers/wait.js'

t.test('a statement that is not over', { skip: needsMariadb }, async t => {
  const mariadb = await startMariadb()
  t.teardown(mariadb.stop)
  const database = await mariadb.database()

  function open (t: Test): { ctx: TestContext, session: Session } {
    const ctx = testContext()
    const uri = parseUri(`mysql://root@127.0.0.1:${mariadb.port}/${database}?long-strings=cut`)
    const session = new Session(ctx, { uri, defaultsFile: '', purpose: 'rows', lockWaitSeconds: 60, held: () => 0, askMs: 200 })
    t.teardown(async () => {
      session.close()
      await ctx.end()
    })
    return { ctx, session }
  }

  await t.test('is waited for while the server works on it, which is progress, and people are told at what', async t => {
    const { ctx, session } = open(t)
    await session.run(async link => { await link.execute('CREATE TABLE held (id INT)') })
    const other = open(t)
    let isLocked = false
    let letGo = (): void => {}
    const held = new Promise<void>(resolve => { letGo = resolve })
    const holding = other.session.run(async link => {
      await link.execute('LOCK TABLES held WRITE')
      isLocked = true
      await held
      await link.execute('UNLOCK TABLES')
    })
    await until('it is locked', () => isLocked)

    const written = session.run(async link => { await link.execute('INSERT INTO held VALUES (1)') })
    const what = `an answer of mysql://root@127.0.0.1:${mariadb.port}/${database}`
    await until('it is said', () => /metadata lock/.test(ctx.waits.get(what) ?? ''), 60_000)
    const before = ctx.progressed()
    await until('it goes on', () => ctx.progressed() > before + 2)
    t.notOk(other.ctx.waits.has(what), 'the other connection waits for nothing')
    letGo()
    await Promise.all([written, holding])

    t.notOk(ctx.waits.has(what), 'it is over')
    t.strictSame(ctx.logged().filter(({ level }) => level !== 'info' && level !== 'debug'), [], 'nothing was broken off')
  })

  await t.test('and gets no answer, because the server is frozen: the connection is given up, and the server waited for, until it is there again', async t => {
    const { ctx, session } = open(t)
    await session.run(async () => {})
    const [row] = await mariadb.query('SELECT @@pid_file AS file')
    const server = Number(readFileSync(String(row?.['file']), 'utf8'))

    process.kill(server, 'SIGSTOP')
    t.teardown(() => { process.kill(server, 'SIGCONT') })
    await until('all its threads are stopped', () => readdirSync(`/proc/${server}/task`).every(thread => / T /.test(readFileSync(`/proc/${server}/task/${thread}/stat`, 'utf8'))))
    const late = session.run(async link => await link.query('SELECT 7 AS seven'))
    await until('it is given up', () => ctx.logged().some(({ message }) => message === 'a statement gets no answer; its connection is given up'), 60_000)
    await until('it is waited for', () => ctx.logged().some(({ message }) => message === 'waiting for the store'))
    process.kill(server, 'SIGCONT')

    t.strictSame(await late, [{ seven: 7 }])
    t.strictSame([...ctx.waits], [])
  })
})

t.test('a server that does nothing for the connection is no progress, and nothing is broken off: who waits is this process', async t => {
  const ctx = testContext()
  let asked = 0
  const watch = new StatementWatch(ctx, {
    store: 'mysql://db/log',
    ask: async () => {
      asked++
      return await Promise.resolve('')
    },
    breakOff: error => { t.fail(error.message) },
    everyMs: 10
  })
  watch.begin()
  const before = ctx.progressed()
  await until('it was asked', () => asked > 3)

  t.equal(ctx.progressed(), before)
  watch.end()
  await ctx.end()
})
