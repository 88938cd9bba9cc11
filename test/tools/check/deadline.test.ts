import t from 'tap'
import { builtInWriters } from '../../../lib/writers/index.js'
import { databaseTarget, withDeadline } from '../../../tools/check/database.js'
import { cutLink } from '../../helpers/cut-link.js'
import { needsMariadb, startMariadb } from '../../helpers/mariadb.js'

t.test('a statement that has no answer in time ends with its connection', { skip: needsMariadb }, async t => {
  const server = await startMariadb()
  t.teardown(server.stop)
  const database = await server.database()
  const link = await cutLink(t, server.port)
  const over = new AbortController()
  t.teardown(() => { over.abort() })
  const target = databaseTarget('--read', `mysql://root@127.0.0.1:${link.port}/${database}`, { writers: builtInWriters() }, ['mysql'])
  const db = withDeadline(await target.open('test', over.signal), 1, () => { over.abort() })
  t.match(await db.query('SELECT 1 AS one'), [{ one: 1 }])

  link.cut()

  await t.rejects(db.query('SELECT 2'))
  t.ok(over.signal.aborted)
  await t.rejects(db.query('SELECT 3'), 'what comes later does not wait at all')
})
