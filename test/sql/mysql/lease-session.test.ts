import t from 'tap'
import { Session } from '../../../lib/sql/mysql/session.js'
import { parseUri } from '../../../lib/stream/uri.js'
import { waitingKey } from '../../../lib/stream/waiting.js'
import { testContext } from '../../helpers/context.js'
import { freePort } from '../../helpers/ports.js'
import { until } from '../../helpers/wait.js'

t.test('a connection of a lease that waits for its server is no progress of the loop, and leaves what is noted of rows', async t => {
  const ctx = testContext()
  t.teardown(ctx.end)
  ctx.state.remark(waitingKey, '{"of":"rows"}')
  const session = new Session(ctx, { uri: parseUri(`mysql://root@127.0.0.1:${await freePort()}/log`), purpose: 'lease', defaultsFile: '', lockWaitSeconds: 2, held: () => 0, mostPauseMs: 50 })
  const trying = session.run(async () => {}).then(() => null, (error: unknown) => error)
  await until('it has waited twice', () => ctx.logged().filter(({ message }) => message === 'waiting for the store').length > 1)

  t.equal(ctx.progressed(), 0)
  t.equal(ctx.waits.size, 0)
  t.equal(ctx.state.remarked(waitingKey), '{"of":"rows"}')
  session.close()
  t.match(await trying, { code: 'stopped' })
})
