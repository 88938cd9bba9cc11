import t from 'tap'
import { createKeySet } from '../../lib/backup/key-set.js'
import { undated, type Hour } from '../../lib/backup/manifest.js'
import { HourSums, numberOfContent, numberOfKey, sameHours, withoutKept } from '../../lib/backup/sums.js'
import { createRandom, type Random } from '../fuzz/random.js'

interface Item {
  readonly schema: string
  readonly time: string | null
  readonly key: string
  readonly content: Buffer
}

const runs = 300

function itemsOf (random: Random, count: number): Item[] {
  return Array.from({ length: count }, () => ({
    schema: random.pick(['Edit_1', 'Click_2', '-']),
    time: random.oneIn(10) ? null : `2026-11-2${random.int(10)}T0${random.int(4)}:00:0${random.int(10)}Z`,
    key: random.oneIn(3) ? `key ${random.int(1000)}` : random.int(0x7fffffff).toString(16).padStart(32, 'f'),
    content: Buffer.from(String(random.int(1e9)))
  }))
}

function sumOf (items: readonly Item[]): Hour[] {
  const sums = new HourSums()
  for (const { schema, time, key, content } of items) sums.add(schema, time, numberOfKey(key), numberOfContent(content))
  return sums.hours
}

function shuffled<T> (random: Random, items: readonly T[]): T[] {
  return items.map(item => ({ item, at: random.int(1e9) })).sort((one, other) => one.at - other.at).map(({ item }) => item)
}

t.test('sums are the same in whatever order, in whatever parts', async t => {
  for (let seed = 0; seed < runs; seed++) {
    const random = createRandom(seed)
    const items = itemsOf(random, random.size(60))
    const whole = sumOf(items)

    const parts = new HourSums()
    const other = shuffled(random, items)
    const cut = random.int(other.length + 1)
    parts.addAll(sumOf(other.slice(0, cut)))
    parts.addAll(sumOf(other.slice(cut)))

    if (!sameHours(parts.hours, whole) || whole.reduce((sum, { count }) => sum + count, 0) !== items.length) t.fail(`seed ${seed}`)
  }
  t.pass(`${runs} runs`)
})

t.test('sums differ when one event is missing, doubled, moved or changed', async t => {
  for (let seed = 0; seed < runs; seed++) {
    const random = createRandom(seed)
    const items = itemsOf(random, 1 + random.size(40))
    const at = random.int(items.length)
    const item = items[at] as Item
    const whole = sumOf(items)
    const changes: Record<string, Item[]> = {
      missing: items.toSpliced(at, 1),
      doubled: [...items, item],
      moved: items.toSpliced(at, 1, { ...item, time: '2026-11-20T09:00:00Z' }),
      changed: items.toSpliced(at, 1, { ...item, content: Buffer.from('other') }),
      replaced: items.toSpliced(at, 1, { ...item, key: 'other' })
    }

    for (const [change, others] of Object.entries(changes)) if (sameHours(sumOf(others), whole)) t.fail(`seed ${seed}: ${change}`)
  }
  t.pass(`${runs} runs`)
})

t.test('what was kept can be taken out of sums again', async t => {
  for (let seed = 0; seed < runs; seed++) {
    const random = createRandom(seed)
    const [there, gone] = [itemsOf(random, random.size(30)), itemsOf(random, random.size(30))]
    const all = sumOf([...there, ...gone])

    const left = withoutKept(all, sumOf(gone))

    const wanted = sumOf(there).map(({ hour, schema, count, uuids, content }) => ({ hour, schema, count, uuids, content }))
    if (JSON.stringify(left) !== JSON.stringify(wanted)) t.fail(`seed ${seed}`)
  }
  t.pass(`${runs} runs`)
})

t.test('hours have their first and last time, and what has none is in an hour of its own', async t => {
  const hours = sumOf([
    { schema: 'Edit_1', time: '2026-11-26T11:59:59Z', key: 'a', content: Buffer.from('') },
    { schema: 'Edit_1', time: '2026-11-26T11:00:00Z', key: 'b', content: Buffer.from('') },
    { schema: 'Edit_1', time: null, key: 'c', content: Buffer.from('') }
  ])

  t.match(hours, [
    { hour: '2026-11-26T11', schema: 'Edit_1', count: 2, first: '2026-11-26T11:00:00Z', last: '2026-11-26T11:59:59Z' },
    { hour: undated, schema: 'Edit_1', count: 1, first: '', last: '' }
  ])
})

t.test('a uuid is the number that it is, with hyphens or without, in either case; sums begin again at their end', async t => {
  const most = 'f'.repeat(32)

  t.equal(numberOfKey('0123456789abcdef0123456789ABCDEF'), 0x0123456789abcdef0123456789abcdefn)
  t.equal(numberOfKey('01234567-89ab-cdef-0123-456789abcdef'), 0x0123456789abcdef0123456789abcdefn)
  t.not(numberOfKey('no uuid'), numberOfKey('no uuid '))
  const sums = new HourSums()
  for (const key of [most, '2'.padStart(32, '0')]) sums.add('Edit_1', null, numberOfKey(key), (1n << 256n) - 1n)
  t.match(sums.hours, [{ uuids: '1'.padStart(32, '0'), content: `${'f'.repeat(63)}e` }])
})

t.test('a set of keys has what a set has', async t => {
  for (let seed = 0; seed < runs; seed++) {
    const random = createRandom(seed)
    const most = random.size(200)
    const keys = createKeySet(most)
    const wanted = new Set<bigint>()
    // many in the same slot
    const shift = BigInt(random.pick([0, 20, 56]))
    for (let step = 0; step < most * 3; step++) {
      const key = BigInt(random.int(most)) << shift
      if (random.oneIn(2)) {
        keys.add(key)
        wanted.add(key)
      } else {
        keys.delete(key)
        wanted.delete(key)
      }
      if (keys.has(key) !== wanted.has(key) || keys.size !== wanted.size) t.fail(`seed ${seed}, step ${step}`)
    }
    if ([...wanted].some(key => !keys.has(key))) t.fail(`seed ${seed}`)
  }
  t.pass(`${runs} runs`)
})
