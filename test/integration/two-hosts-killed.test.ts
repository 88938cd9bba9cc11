import t from 'tap'
import { needsMariadb } from '../helpers/mariadb.js'
import { needsNetwork } from '../helpers/network.js'
import { startTwoHosts } from '../helpers/two-hosts.js'

t.test('the host that writes is killed, in the middle of a transaction', { skip: needsNetwork !== false ? needsNetwork : needsMariadb }, async t => {
  const { record, active, standby, goesOn, caughtUp, finish } = await startTwoHosts(t)

  const goOn = await record.holdMidway(active.host)
  const fault = await record.seconds()
  await active.host.kill()
  await goOn()

  await goesOn(standby, 'the other host is dead')
  active.daemons = await active.shipped.startAll()
  await active.daemons.get('consumers/mysql')?.logged('stands by; another instance writes')
  await caughtUp(active)
  await goesOn(standby, 'the other host is back')
  await finish({ fault, takesOver: true })
})
