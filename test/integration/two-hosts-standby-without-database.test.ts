import t from 'tap'
import { needsMariadb } from '../helpers/mariadb.js'
import { needsNetwork } from '../helpers/network.js'
import { startTwoHosts } from '../helpers/two-hosts.js'
import { until } from '../helpers/wait.js'

/** Longer than the lease holds. */
const longSeconds = 16
const patienceMs = 60_000

t.test('the host that stands by does not reach the database for longer than the lease holds', { skip: needsNetwork !== false ? needsNetwork : needsMariadb }, async t => {
  const { network, db, record, active, standby, goesOn, caughtUp, finish } = await startTwoHosts(t)

  const fault = await record.seconds()
  network.cut(standby.host, db)

  await until('the lease has expired, had nobody renewed it', async () => await record.seconds() > fault + longSeconds, patienceMs, 500)
  await goesOn(active, 'the other host does not reach the database')
  network.heal(standby.host, db)
  await caughtUp(standby)
  await goesOn(active, 'the other host reaches it again')
  await finish({ fault, takesOver: false })
})
