import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { needsMariadb } from '../helpers/mariadb.js'
import { needsNetwork } from '../helpers/network.js'
import { startTwoHosts } from '../helpers/two-hosts.js'

const minuteMs = 60_000

t.test('the host that writes stands still for a minute, in the middle of a transaction', { skip: needsNetwork !== false ? needsNetwork : needsMariadb }, async t => {
  const { record, active, standby, goesOn, caughtUp, finish } = await startTwoHosts(t)

  const goOn = await record.holdMidway(active.host)
  const fault = await record.seconds()
  const minute = sleep(minuteMs)
  await active.host.pause()

  await goesOn(standby, 'the other host stands still')
  await goOn()
  await minute
  active.host.resume()
  await active.daemons.get('consumers/mysql')?.logged('the lease is lost; another instance writes')
  await caughtUp(active)
  await finish({ fault, takesOver: true })
})
