import t from 'tap'
import { needsMariadb } from '../helpers/mariadb.js'
import { needsNetwork } from '../helpers/network.js'
import { startTwoHosts } from '../helpers/two-hosts.js'

t.test('the host that writes is cut off, in the middle of a transaction, and believes that it still has the lease', { skip: needsNetwork !== false ? needsNetwork : needsMariadb }, async t => {
  const { network, record, active, standby, goesOn, caughtUp, finish } = await startTwoHosts(t)
  const consumer = active.daemons.get('consumers/mysql')
  const knows = (): boolean => consumer?.log.some(({ message }) => message === 'the lease is lost; another instance writes') ?? false

  const goOn = await record.holdMidway(active.host)
  const fault = await record.seconds()
  network.cut(active.host)

  // its transaction stands until somebody ends it
  await goesOn(standby, 'the other host is cut off')
  await goOn()
  t.notOk(knows(), 'nobody told it')
  network.heal(active.host)
  await consumer?.logged('the lease is lost; another instance writes')
  await caughtUp(active)
  await goesOn(standby, 'the other host is back')
  await finish({ fault, takesOver: true })
})
