import t from 'tap'
import { parseJournalLine } from '../../../tools/ctl/journal-line.js'
import { lineFor } from '../../../tools/ctl/tail.js'
import { render } from '../../../tools/terminal/text.js'

const atUs = '1400664601000000'

function shown (entry: Record<string, unknown>): string {
  const line = parseJournalLine(JSON.stringify({ __REALTIME_TIMESTAMP: atUs, ...entry }))
  return line === null ? '' : render(lineFor(line, 16), Infinity, false).replace(/^\d\d:\d\d:\d\d/, 'TIME')
}

t.test('a line of a daemon is shown with its instance, level, message and fields', async t => {
  const MESSAGE = '{"time":"2014-05-21T09:30:01.000Z","level":"warn","message":"it waits","daemon":"consumer","name":"mysql","store":"mysql://db/log","rows":3}'

  t.equal(shown({ MESSAGE, _SYSTEMD_UNIT: 'vanadium-consumer@mysql.service' }), 'TIME  consumer/mysql    warn   it waits  store=mysql://db/log rows=3')
  t.equal(parseJournalLine(JSON.stringify({ MESSAGE, __REALTIME_TIMESTAMP: atUs }))?.written, MESSAGE)
})

t.test('what is no line of a daemon is shown as it is: words of systemd, a stack, bytes, nothing', async t => {
  t.equal(shown({ MESSAGE: 'Started vanadium consumer mysql.', _SYSTEMD_UNIT: 'init.scope', UNIT: 'vanadium-consumer@mysql.service', PRIORITY: '6' }), 'TIME  consumer/mysql    info   Started vanadium consumer mysql.')
  t.equal(shown({ MESSAGE: '{"no":"level"}', UNIT: 'x', PRIORITY: '3' }), 'TIME  x                 error  {"no":"level"}')
  t.equal(shown({ MESSAGE: [0xff, 0x61, 0x1b], UNIT: 'x', PRIORITY: '4' }), 'TIME  x                 warn   \ufffda·')
  t.match(shown({ MESSAGE: null, UNIT: 'x' }), /too long/)
  t.equal(parseJournalLine('-- cursor'), null)
})
