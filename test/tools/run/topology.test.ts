import t from 'tap'
import { usualPorts } from '../../../tools/run/ports.js'
import { planPipeline, urisOf } from '../../../tools/run/topology.js'
import { checkTopology, publishedBy } from '../../helpers/topology.js'

const plans = planPipeline({ directory: '/nowhere', ports: usualPorts, statsdPort: 8125, common: [] })
const members = plans.map(plan => ({ daemon: plan.daemon, name: plan.instance, inputs: urisOf(plan, 'input'), outputs: [...urisOf(plan, 'output'), ...urisOf(plan, 'invalid')] }))

// seen to fail with two journals of one name, and with inputs of the plain streams
t.test('its daemons are joined by journaled streams, beside each of which the plain one is offered', async t => {
  checkTopology(t, members)

  const published = publishedBy(members)
  t.equal(published.length, 6)
  for (const by of new Set(published.map(({ by }) => by))) {
    const streams = published.filter(stream => stream.by === by)
    t.ok(streams.some(({ journal }) => journal === undefined) && streams.some(({ journal }) => journal !== undefined), by)
  }
  t.strictSame(members.flatMap(({ inputs }) => inputs).filter(uri => uri.startsWith('tcp:') && !uri.includes('?as=')), [])
})
