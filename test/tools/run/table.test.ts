import { execFileSync } from 'node:child_process'
import t from 'tap'
import { tableOf } from '../../../tools/run/table.js'
import { cut, render } from '../../../tools/terminal/text.js'
import type { View } from '../../../tools/run/view.js'

const count = (total: number): { total: number, perSecond: number } => ({ total, perSecond: total / 1000 })

function viewOf (overrides: Partial<View> = {}): View {
  return {
    atMs: 1_400_000_010_000,
    running: true,
    phase: 'runs for 10 s',
    stages: ['forwarder client-side', 'processor client-side', 'forwarder all-events', 'consumer sqlite', 'consumer json-log', 'monitor all']
      .map(label => ({ label, reads: 'tcp 8422 8522', writes: 'events.sqlite', records: count(499_999), state: 'up' as const, restarts: 1 })),
    schemas: Array.from({ length: 30 }, (_, i) => ({ name: `Schema${i}`, valid: count(10), invalid: count(0) })),
    all: { name: 'all', valid: count(300), invalid: count(1) },
    lastError: { schema: 'NavigationTiming', message: '/event/connectEnd: expected an integer; got "fast"', atMs: 1_400_000_007_000 },
    happenings: [{ atMs: 1_400_000_005_000, text: 'processor client-side was killed by SIGKILL; it is started again', said: ['info: ready'] }],
    places: [['tables', 'var/events.sqlite'], ['JSON log', 'var/events.json'], ['stream', 'tcp://127.0.0.1:8600'], ['logs', 'var/log']],
    tryIt: { send: ['curl -i http://127.0.0.1:8080/event.gif', '-d \'{"schema":"DemoButtonClick",', '"revision":1,', '"wiki":"by-hand",', '"event":{"button":"save"}}\''], find: 'grep by-hand var/events.json' },
    ...overrides
  }
}

function textOf (view: View, width: number, height: number): string[] {
  return tableOf(view, width, height).map(line => render(line, width, false))
}

t.test('it fits terminals of any height, and what matters most stays', async t => {
  for (const height of [10, 16, 24, 30, 40, 80]) {
    const lines = textOf(viewOf(), 100, height)
    t.ok(lines.length <= height, `${lines.length} lines in ${height}`)
    for (const text of ['forwarder client-side', 'monitor all', 'curl -i']) t.ok(lines.some(line => line.includes(text)), `${text} in ${height} lines`)
  }
  const usual = textOf(viewOf(), 80, 24).join('\n')
  for (const text of ['Schema0', ' all ', 'expected an integer', 'killed by SIGKILL', 'events.sqlite', 'grep by-hand']) t.match(usual, text)
})

t.test('no line of numbers is wider than a terminal of 80 columns', async t => {
  const wide = tableOf(viewOf({ tryIt: { send: [], find: '' } }), 80, 60).map(line => line.map(([text]) => text).join(''))

  t.strictSame(wide.filter(line => line.length > 79), [])
})

t.test('the curl command is broken where a shell takes it as one', async t => {
  const lines = textOf(viewOf(), 75, 60)
  const at = lines.findIndex(line => line.includes('curl'))

  t.strictSame(lines.slice(at, at + 3), [
    '   curl -i http://127.0.0.1:8080/event.gif \\',
    '     -d \'{"schema":"DemoButtonClick", "revision":1, "wiki":"by-hand",',
    '     "event":{"button":"save"}}\''
  ])
  const body = execFileSync('sh', ['-c', `curl () { printf %s "$4"; }\n${lines.slice(at, at + 3).join('\n')}`], { encoding: 'utf8' })
  t.strictSame(JSON.parse(body), { schema: 'DemoButtonClick', revision: 1, wiki: 'by-hand', event: { button: 'save' } })
})

t.test('before the first invalid event it says so', async t => {
  t.match(textOf(viewOf({ lastError: null, happenings: [] }), 80, 60).join('\n'), 'last invalid event: none yet')
})

t.test('what comes from the network cannot steer the terminal', async t => {
  const message = 'got "\x1b]0;title\x07\x1b[2J\u009b31m\u202egnp\n\t"'
  const line = render([[message, 'yellow']], 80, true)

  t.equal(line, '\x1b[33mgot "\u00b7]0;title\u00b7\u00b7[2J\u00b731m\u00b7gnp\u00b7\u00b7"\x1b[0m')
})

t.test('text is cut by columns, of which some characters take two and some none', async t => {
  t.equal(cut('abc', 3), 'abc')
  t.equal(cut('abcd', 3), 'ab…')
  t.equal(cut('日本語', 6), '日本語')
  t.equal(cut('日本語', 5), '日本…')
  t.equal(cut('日本語', 4), '日…')
  t.equal(cut('e\u0301e\u0301', 2), 'e\u0301e\u0301')
  t.equal(cut('🙂🙂', 3), '🙂…')
  t.equal(render([['ab'], ['cdef', 'bold'], ['g']], 4, false), 'abc…')
})
