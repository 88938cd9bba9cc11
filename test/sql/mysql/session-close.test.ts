import t from 'tap'
import { Session } from '../../../lib/sql/mysql/session.js'
import { parseUri } from '../../../lib/stream/uri.js'
import { testContext } from '../../helpers/context.js'
import { needsMariadb, startMariadb } from '../../helpers/mariadb.js'
import { until } from '../../helpers/wait.js'

t.test('a session that is closed while it connects leaves no connection, also if more was to be done by it', { skip: needsMariadb }, async t => {
  const server = await startMariadb()
  t.teardown(server.stop)
  const database = await server.database()
  await server.query("CREATE USER closing@'%'")
  await server.query(`GRANT SELECT ON ${database}.* TO closing@'%'`)
  const ctx = testContext()
  t.teardown(ctx.end)
  const session = new Session(ctx, { uri: parseUri(`mysql://closing@127.0.0.1:${server.port}/${database}`), purpose: 'tables', defaultsFile: '', lockWaitSeconds: 2, held: () => 0 })
  session.warmUp()
  const later = session.run(async link => await link.query('SELECT 1')).then(() => {}, () => {})
  // both wait for their turn by now
  await new Promise(resolve => setImmediate(resolve))

  session.close()
  await later

  await until('the server has nobody connected', async () => (await server.query("SELECT 1 FROM information_schema.PROCESSLIST WHERE USER = 'closing'")).length === 0)
})
