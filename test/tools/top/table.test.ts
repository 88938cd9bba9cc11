import t from 'tap'
import type { SchemaRow } from '../../../tools/top/stream-counts.js'
import { linesOf, textOf, type Order, type TopView } from '../../../tools/top/table.js'

const nowMs = Date.parse('2014-05-21T09:30:01Z')

function row (name: string, figures: Partial<SchemaRow> = {}): SchemaRow {
  return { name, now: 0, minute: 0, fiveMinutes: 0, valid: 0, invalid: 0, bytes: 0, lastMs: 0, ...figures }
}

function viewOf (rows: readonly SchemaRow[], order: Order = 'r'): TopView {
  return { inputs: ['tcp://127.0.0.1:8600'], order, rows, total: row('all', { now: 1234.5, valid: 98_765, invalid: 5, bytes: 2048, lastMs: nowMs }), nowMs, sinceMs: nowMs - 65_000 }
}

const rows = [
  row('Quick', { now: 20, minute: 10, fiveMinutes: 5, valid: 100, invalid: 1, bytes: 10, lastMs: nowMs - 1000 }),
  row('Broken', { now: 1, minute: 1, fiveMinutes: 9, valid: 1, invalid: 3, bytes: 5000, lastMs: nowMs - 90_000 }),
  row('Ancient', { valid: 1000 })
]

t.test('a table without a terminal', async t => {
  t.equal(textOf(viewOf(rows)), [
    '2014-05-21T09:30:01.000Z',
    'schema   now/s  1 min/s  5 min/s   valid  invalid   share  bytes/s  last seen',
    'all      1,235      0.0      0.0  98,765        5   0.0 %  2.0 KiB    0 s ago',
    'Quick     20.0     10.0      5.0     100        1   1.0 %     10 B    1 s ago',
    'Broken     1.0      1.0      9.0       1        3  75.0 %  4.9 KiB   90 s ago',
    'Ancient    0.0      0.0      0.0   1,000        0   0.0 %      0 B      never',
    ''
  ].join('\n'))
})

t.test('each key sorts by its column', async t => {
  const sorted: Readonly<Record<Order, readonly string[]>> = {
    r: ['Quick', 'Broken', 'Ancient'],
    m: ['Broken', 'Quick', 'Ancient'],
    v: ['Ancient', 'Quick', 'Broken'],
    i: ['Broken', 'Quick', 'Ancient'],
    b: ['Broken', 'Quick', 'Ancient'],
    l: ['Quick', 'Broken', 'Ancient'],
    n: ['Ancient', 'Broken', 'Quick']
  }
  for (const [order, names] of Object.entries(sorted)) {
    t.same(textOf(viewOf(rows, order as Order)).split('\n').slice(3, -1).map(line => line.split(' ')[0]), names, order)
  }
})

t.test('a low terminal has the first rows, and says how many there are besides', async t => {
  const many = Array.from({ length: 50 }, (_, n) => row(`Name${n}`, { now: 100 - n }))

  const lines = linesOf(viewOf(many), { width: 100, height: 12 })

  t.equal(lines.length, 12)
  t.match(lines.at(-2)?.[0]?.[0], /^ Name5 /)
  t.equal(lines.at(-1)?.[0]?.[0], ' … and 44 more')
  t.equal(linesOf(viewOf(many), { width: 100, height: 55 }).length, 55, 'all of them where there is room')
  t.ok(linesOf(viewOf(many), { width: 100, height: 1 }).length > 0)
})

// seen to fail when all columns are shown and cut
t.test('a narrow terminal has fewer columns, and none of them cut', async t => {
  const lines = linesOf(viewOf(rows), { width: 40, height: 24 }).slice(3).map(line => line[0]?.[0] ?? '')

  t.match(lines[0], /^ schema +now\/s .*share/)
  t.same(lines.filter(line => line.length >= 40), [])
  t.match(linesOf(viewOf(rows), { width: 5, height: 24 })[3]?.[0]?.[0], /^ schema +now\/s +share$/)
})

t.test('where nothing has come for some seconds, the screen says so', async t => {
  const silent = { ...viewOf([]), total: row('all') }

  t.match(linesOf(silent, { width: 80, height: 24 })[2]?.[0]?.[0], /^ nothing has come yet; /)
  t.same(linesOf({ ...silent, sinceMs: nowMs - 1000 }, { width: 80, height: 24 })[2], [])
})
