import t from 'tap'
import { needsMariadb } from '../helpers/mariadb.js'
import { needsNetwork } from '../helpers/network.js'
import { startTwoHosts } from '../helpers/two-hosts.js'

t.test('the host that writes does not reach the database any more, in the middle of a transaction, and goes on receiving events', { skip: needsNetwork !== false ? needsNetwork : needsMariadb }, async t => {
  const { network, db, record, active, standby, goesOn, caughtUp, finish } = await startTwoHosts(t)

  const goOn = await record.holdMidway(active.host)
  const fault = await record.seconds()
  network.cut(active.host, db)

  await goesOn(standby, 'the other host does not reach the database')
  await goOn()
  network.heal(active.host, db)
  await active.daemons.get('consumers/mysql')?.logged('the lease is lost; another instance writes')
  await caughtUp(active)
  await goesOn(standby, 'the other host reaches it again')
  await finish({ fault, takesOver: true })
})
