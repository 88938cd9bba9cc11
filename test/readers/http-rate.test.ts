import t from 'tap'
import { Rates, sourceOf } from '../../lib/readers/http-rate.js'

t.test('a source may send so many a second, and ten seconds of them at once', async t => {
  const rates = new Rates(2)

  t.equal(allowed(rates, 'a', 30, 0), 20)
  t.equal(allowed(rates, 'a', 30, 499), 0)
  t.equal(allowed(rates, 'a', 30, 1500), 3)
  t.equal(allowed(rates, 'a', 30, 1e9), 20, 'no more is saved up than that')
  t.equal(allowed(rates, 'b', 30, 1e9), 20, 'others have their own')
})

t.test('less than one in ten seconds is possible, and none is no limit', async t => {
  const seldom = new Rates(0.01)

  t.equal(allowed(seldom, 'a', 3, 0), 1)
  t.equal(allowed(seldom, 'a', 3, 99_000), 0)
  t.equal(allowed(seldom, 'a', 3, 200_001), 1)
  t.equal(allowed(new Rates(0), 'a', 100_000, 0), 100_000)
})

t.test('the sources that are remembered have a bound: those seen last stay', async t => {
  const rates = new Rates(0.1)
  let times = 0
  for (let i = 0; i < 200_000; i++) {
    rates.allows(`source ${i}`, 0)
    if (rates.allows('the busy one', 0)) times++
  }
  t.equal(times, 1, 'never forgotten')

  t.ok(rates.size > 32_000 && rates.size <= 65_536, String(rates.size))
  t.notOk(rates.allows('source 199999', 0))
  t.ok(rates.allows('source 7', 0), 'forgotten')
})

t.test('an IPv4 address is one source, of IPv6 the first 64 bits are', async t => {
  for (const [address, source] of [
    ['192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:0DB8:0001:0002::', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['::', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['64:ff9b::192.0.2.33', '64:ff9b:0:0'],
    ['1:2:3:4:5:6:192.0.2.33', '1:2:3:4'],
    ['-', '-']
  ] as const) t.equal(sourceOf(address), source, address)
})

function allowed (rates: Rates, source: string, attempts: number, nowMs: number): number {
  return Array.from({ length: attempts }, () => rates.allows(source, nowMs)).filter(is => is).length
}
