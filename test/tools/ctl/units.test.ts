import t from 'tap'
import { chosenBy, parseUnit, planOf, unitOf, type Unit } from '../../../tools/ctl/units.js'

const known = [
  { daemon: 'forwarder', instance: 'client-side' }, { daemon: 'processor', instance: 'client-side' },
  { daemon: 'consumer', instance: 'mysql' }, { daemon: 'consumer', instance: 'consumer' }, { daemon: 'consumer', instance: 'a@b' }
].map(unitOf)

function names (units: readonly Unit[]): string[] {
  return units.map(({ name }) => name)
}

t.test('names mean a role, an instance, or a unit; none means all, in the order of the units', async t => {
  const chosen = (...given: string[]): string[] => names(chosenBy(given, known))

  t.strictSame(chosen(), names(known))
  t.strictSame(chosen('consumers'), ['consumer/mysql', 'consumer/consumer', 'consumer/a@b'])
  t.strictSame(chosen('processor', 'forwarders'), ['forwarder/client-side', 'processor/client-side'])
  for (const name of ['mysql', 'consumer/mysql', 'consumers/mysql', 'consumer@mysql', 'vanadium-consumer@mysql', 'vanadium-consumer@mysql.service']) t.strictSame(chosen(name), ['consumer/mysql'], name)
  t.strictSame(chosen('client-side'), ['forwarder/client-side', 'processor/client-side'], 'of whatever role')
  t.strictSame(chosen('mysql', 'consumers/mysql'), ['consumer/mysql'], 'once')
  t.strictSame(chosen('consumer/consumer'), ['consumer/consumer'], 'a role counts before an instance of its name')
  t.strictSame(chosen('a@b'), ['consumer/a@b'])
})

t.test('a name that means nothing is refused with all that there are', async t => {
  t.throws(() => chosenBy(['mysql', 'nobody', 'monitors'], known), {
    name: 'ConfigError',
    message: 'there is no instance "nobody" and no "monitors"; there are forwarder/client-side, processor/client-side, consumer/mysql, consumer/consumer, consumer/a@b; or name a role: forwarders, processors, consumers, monitors'
  })
  t.throws(() => chosenBy(['processor/mysql'], known), { name: 'ConfigError' })
  t.throws(() => chosenBy(['vanadium-report.service'], []), { message: /there are none; / })
})

t.test('units of others are not ours', async t => {
  t.equal(parseUnit('vanadium-report.service'), null)
  t.equal(parseUnit('getty@tty1.service'), null)
  t.match(parseUnit('vanadium-monitor@all.service'), { daemon: 'monitor', instance: 'all', name: 'monitor/all' })
})

t.test('what is defined is enabled; what has no file any more is disabled, if it is enabled or runs; others stay', async t => {
  const [forwarder, processor, mysql, gone, idle] = known as [Unit, Unit, Unit, Unit, Unit]
  const plan = planOf(known, [forwarder, processor, mysql], new Set([forwarder.unit, gone.unit, 'vanadium-varnishncsa.service']), new Set([idle.unit]))

  t.strictSame(names(plan.enable), ['processor/client-side', 'consumer/mysql'])
  t.strictSame(names(plan.disable), ['consumer/consumer', 'consumer/a@b'])
  t.strictSame(planOf([forwarder], [forwarder, processor], new Set([forwarder.unit, gone.unit]), new Set()), { enable: [], disable: [] })
  t.strictSame(planOf([gone], [], new Set(), new Set()), { enable: [], disable: [] })
})
