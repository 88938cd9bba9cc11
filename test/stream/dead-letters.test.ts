import t from 'tap'
import { RecordError } from '../../lib/errors.js'
import type { Batch, Writer } from '../../lib/stream/contracts.js'
import { createDeadLetters } from '../../lib/stream/dead-letters.js'
import { testContext } from '../helpers/context.js'

interface Kept extends Writer { readonly lines: string[], readonly calls: string[] }

/** Fails the first so many writes. */
function keepingWriter (failures = 0): Kept {
  const lines: string[] = []
  const calls: string[] = []
  return {
    lines,
    calls,
    async write (batch: Batch) {
      calls.push('write')
      if (failures-- > 0) throw await Promise.resolve(new Error('no space'))
      lines.push(...batch.lines())
    },
    flush: async () => { calls.push('flush') },
    close: async () => {}
  }
}

const tooWide = (): RecordError => new RecordError('refused-by-store', 'the value is too wide', { table: 'Edit_1', column: 'event_title' })

t.test('a letter says when, who, why and what the sink knows, and holds the record as it came', async t => {
  const { log, metrics } = testContext()
  const kept = keepingWriter()
  const letters = createDeadLetters('mysql-m2', log, metrics)
  letters.keepIn(kept)
  const record = 'not JSON: "\\u0000" \u2028 💣\r'

  letters.add(record, tooWide())
  await letters.drain()

  t.equal(kept.lines.length, 1)
  const letter = JSON.parse(kept.lines[0] ?? '') as Record<string, unknown>
  t.match(letter, { time: /^\d{4}-\d\d-\d\dT.*Z$/, instance: 'mysql-m2', code: 'refused-by-store', message: 'the value is too wide', table: 'Edit_1', column: 'event_title' })
  t.equal(letter.record, record)
  t.notMatch(kept.lines[0], /\n/)
})

t.test('letters are written in order and flushed by drain; when there are none, nothing is written', async t => {
  const { log, metrics } = testContext()
  const kept = keepingWriter()
  const letters = createDeadLetters('mysql-m2', log, metrics)
  letters.keepIn(kept)

  for (let i = 0; i < 3; i++) letters.add(String(i), tooWide())
  await letters.drain()
  await letters.drain()
  letters.add('3', tooWide())
  await letters.drain()

  t.strictSame(kept.lines.map(line => (JSON.parse(line) as { record: string }).record), ['0', '1', '2', '3'])
  t.strictSame(kept.calls, ['write', 'flush', 'write', 'flush'])
})

t.test('letters that could not be written are kept for the next drain, before newer ones', async t => {
  const { log, metrics } = testContext()
  const kept = keepingWriter(2)
  const letters = createDeadLetters('mysql-m2', log, metrics)
  letters.keepIn(kept)
  letters.add('0', tooWide())

  await t.rejects(letters.drain(), { message: 'no space' })
  letters.add('1', tooWide())
  await t.rejects(letters.drain(), { message: 'no space' })
  await letters.drain()

  t.strictSame(kept.lines.map(line => (JSON.parse(line) as { record: string }).record), ['0', '1'])
})

t.test('each is counted and logged, with or without a place to keep it', async t => {
  const { log, metrics, logged } = testContext()
  const letters = createDeadLetters('mysql-m2', log, metrics)

  letters.add('lost', tooWide())
  letters.keepIn(keepingWriter())
  letters.add('kept', tooWide())
  await letters.drain()

  t.equal(metrics.count('dead_letter'), 2)
  t.match(logged(), [
    { level: 'error', message: /is lost; --dead-letter would keep it/, code: 'refused-by-store', reason: 'the value is too wide', column: 'event_title' },
    { level: 'error', message: /it is in the dead letters/, code: 'refused-by-store', reason: 'the value is too wide' }
  ])
  t.notMatch(JSON.stringify(logged()), /"kept"|"lost"/, 'what users wrote is not in the log')
})

t.test('without a place to keep them, letters do not pile up', async t => {
  const { log, metrics } = testContext()
  const letters = createDeadLetters('mysql-m2', log, metrics)
  letters.add('before', tooWide())

  await letters.drain()
  const kept = keepingWriter()
  letters.keepIn(kept)
  await letters.drain()

  t.strictSame(kept.lines, [])
})

t.test('a detail that is a big integer keeps its digits', async t => {
  const { log, metrics } = testContext()
  const kept = keepingWriter()
  const letters = createDeadLetters('mysql-m2', log, metrics)
  letters.keepIn(kept)

  letters.add('x', new RecordError('refused-by-store', 'out of range', { value: 9223372036854775808n }))
  await letters.drain()

  t.match(JSON.parse(kept.lines[0] ?? ''), { value: '9223372036854775808' })
})
