import t from 'tap'
import { Session, type Link } from '../../../lib/sql/mysql/session.js'
import { parseUri } from '../../../lib/stream/uri.js'
import { testContext } from '../../helpers/context.js'
import { needsMariadb, startMariadb } from '../../helpers/mariadb.js'

t.test('who falls silent in the middle of a transaction loses it, so that others can store the same rows', { skip: needsMariadb }, async t => {
  const server = await startMariadb()
  t.teardown(server.stop)
  const database = await server.database()
  await server.query('CREATE TABLE events (uuid CHAR(32) UNIQUE, host TEXT) ENGINE=InnoDB', database)
  const ctx = testContext()
  t.teardown(async () => { await ctx.end() })
  const open = (): Session => {
    const session = new Session(ctx, { uri: parseUri(`mysql://root@127.0.0.1:${server.port}/${database}`), defaultsFile: '', purpose: 'rows', lockWaitSeconds: 60, held: () => 0 })
    t.teardown(() => { session.close() })
    return session
  }
  const store = async (link: Link, host: string): Promise<number> => await link.execute(`INSERT IGNORE INTO events VALUES ('a', '${host}')`)
  let attempts = 0

  // as one that is stopped, or whose packets get lost, before it can commit
  await open().run(async link => {
    await link.execute('START TRANSACTION')
    await store(link, 'silent')
    if (++attempts === 1) await open().run(async link => await store(link, 'other'))
    await link.execute('COMMIT')
  })

  t.equal(attempts, 2, 'it begins again')
  t.strictSame(await server.query('SELECT * FROM events', database), [{ uuid: 'a', host: 'other' }])
})
