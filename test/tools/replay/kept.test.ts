import t from 'tap'
import { compileFormat } from '../../../lib/event/line-format.js'
import { keptIn } from '../../../tools/replay/kept.js'

const format = compileFormat('%q %{recvFrom}s %{seqId}d %t %h')
const capsuleOnly = compileFormat('%j')
const line = '?%7B%7D; cp1 7 2014-05-21T09:30:01 203.0.113.9'
const toldByLetter = { seconds: 1400000000, schema: null, revision: -1 }
const told = { seconds: 1400000000, schema: 'unknown', revision: -1 }
const valid = { schema: 'DemoButtonClick', revision: 1, uuid: '16f38999d94d549cb426b5fb32bc8bba', timestamp: 1400000000, event: {} }

function errorOf (rawEvent: unknown, code = 'validation'): string {
  return JSON.stringify({ schema: 'EventError', revision: 14035058, timestamp: 1400000000, event: { rawEvent, message: 'm', code, schema: 'unknown', revision: -1 } })
}

function letterOf (record: unknown): string {
  return JSON.stringify({ time: '2014-05-13T16:53:20.000Z', instance: 'mysql', code: 'refused-by-store', message: 'm', record })
}

// seen to fail when an event error is looked for in the text, and when the record of a letter is not looked at
t.test('a record tells what it is', async t => {
  t.same(keptIn(line, format), { kind: 'line', text: line, told: null })
  t.same(keptIn('{"broken', format), { kind: 'line', text: '{"broken', told: null })
  t.same(keptIn(errorOf(line), format), { kind: 'error', text: line, told })
  t.same(keptIn(letterOf(line), format), { kind: 'line', text: line, told: toldByLetter })
  t.same(keptIn(letterOf(JSON.stringify(valid)), format), { kind: 'event', text: JSON.stringify(valid), told: toldByLetter })
  t.same(keptIn(letterOf(errorOf(line)), format).kind, 'event', 'it is the store that refused an event error')
  t.same(keptIn(JSON.stringify(valid), format), { kind: 'valid' })
})

// seen to fail without the check for several lines, and without that for U+FFFD
t.test('what was not kept as it came is not replayed', async t => {
  t.same(keptIn(errorOf('two\nlines'), format), { kind: 'not-whole' })
  t.same(keptIn(letterOf('two\nlines'), format), { kind: 'not-whole' })
  t.same(keptIn(errorOf('caf\uFFFD', 'processor'), format), { kind: 'not-whole' }, 'the bytes were no UTF-8')
  t.same(keptIn(errorOf('caf\uFFFD'), format).kind, 'error', 'it was sent as U+FFFD')
})

// seen to fail when all that is JSON counts as an event
t.test('with a format that is nothing but a capsule, lines are lines', async t => {
  const text = '{"schema":"DemoButtonClick","revision":1,"event":{}}'
  t.same(keptIn(text, capsuleOnly).kind, 'line')
  t.same(keptIn(letterOf(text), capsuleOnly), { kind: 'line', text, told: toldByLetter })
  t.same(keptIn(errorOf(text), capsuleOnly), { kind: 'error', text, told })
  t.same(keptIn(letterOf(JSON.stringify(valid)), capsuleOnly).kind, 'event')
})
