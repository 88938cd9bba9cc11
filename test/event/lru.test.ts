import fc from 'fast-check'
import t from 'tap'
import { createCache, detached } from '../../lib/event/lru.js'
import { batchText, heapUsed } from '../helpers/heap.js'

t.test('at the limit the entry that was never used makes room', async t => {
  const cache = createCache<number>(3)
  cache.set('a', 1)
  cache.set('b', 2)
  cache.set('c', 3)
  cache.get('a')
  cache.get('c')

  cache.set('d', 4)

  t.strictSame(['a', 'b', 'c', 'd'].map(key => cache.get(key)), [1, undefined, 3, 4])
})

t.test('an entry stays for as long as it is used between evictions', async t => {
  const cache = createCache<number>(4)
  cache.set('kept', 0)

  for (let i = 1; i <= 1000 && cache.get('kept') === 0; i++) cache.set(`other ${i}`, i)

  t.equal(cache.get('kept'), 0)
})

t.test('however it is used, a cache holds at most its limit, the last entry among them, and each under its own key', async () => {
  const key = fc.integer({ min: 0, max: 30 }).map(String)
  const step = fc.record({ key, clear: fc.integer({ min: 0, max: 40 }).map(chance => chance === 0) })
  fc.assert(fc.property(fc.integer({ min: 1, max: 8 }), fc.array(step, { maxLength: 200 }), (limit, steps) => {
    const cache = createCache<string>(limit)
    for (const { key, clear } of steps) {
      if (clear) cache.clear()
      if (cache.get(key) === undefined) cache.set(key, `value of ${key}`)
      if (cache.get(key) !== `value of ${key}`) return false
    }
    const held = Array.from({ length: 31 }, (_, i) => [String(i), cache.get(String(i))]).filter(([, value]) => value !== undefined)
    return held.length <= limit && held.every(([key, value]) => value === `value of ${key}`)
  }))
})

t.test('a cleared cache holds nothing and fills up again', async t => {
  const cache = createCache<number>(2)
  cache.set('a', 1)
  cache.set('b', 2)
  cache.set('c', 3)

  cache.clear()

  t.strictSame(['a', 'b', 'c'].map(key => cache.get(key)), [undefined, undefined, undefined])
  for (const key of ['d', 'e', 'f']) cache.set(key, 4)
  t.equal(['d', 'e', 'f'].filter(key => cache.get(key) === 4).length, 2)
})

t.test('a detached text equals the one it was cut from, and lets go of the rest', async t => {
  const kept: string[] = []
  const before = heapUsed()

  for (let i = 0; i < 50; i++) {
    const megabyte = batchText(`batch ${i} `)
    const slice = megabyte.slice(1000, 1100)
    const copy = detached(slice)
    t.equal(copy, slice)
    kept.push(copy)
  }

  t.ok(heapUsed() - before < 10 << 20, 'not the 50 MB that were cut')
  t.equal(kept.length, 50)
  t.equal(detached(''), '')
  t.equal(detached('\u{1f600} \ud800'), '\u{1f600} \ud800')
})
