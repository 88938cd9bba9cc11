import t from 'tap'
import { needsMariadb } from '../helpers/mariadb.js'
import { needsNetwork } from '../helpers/network.js'
import { startTwoHosts } from '../helpers/two-hosts.js'
import { until } from '../helpers/wait.js'

const patienceMs = 60_000

t.test('the host that writes stands still in the middle of a transaction, and goes on with it as soon as the other one has the lease', { skip: needsNetwork !== false ? needsNetwork : needsMariadb }, async t => {
  const { record, active, standby, lease, goesOn, caughtUp, finish } = await startTwoHosts(t)

  const goOn = await record.holdMidway(active.host)
  const fault = await record.seconds()
  await active.host.pause()
  await until('the other host has the lease', async () => (await lease()).holder.startsWith(`${standby.host.name}/`), patienceMs)
  await goOn()
  active.host.resume()

  await active.daemons.get('consumers/mysql')?.logged('the lease is lost; another instance writes')
  await goesOn(standby, 'the other host is awake')
  await caughtUp(active)
  await finish({ fault, takesOver: true })
})
