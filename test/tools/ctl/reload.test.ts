import t from 'tap'
import type { JournalLine } from '../../../tools/ctl/journal-line.js'
import { failuresIn } from '../../../tools/ctl/reload.js'

function line (level: string, message: string, fields: Record<string, unknown> = {}): JournalLine {
  return { atMs: 0, unit: 'vanadium-forwarder@raw.service', level, message, written: message, fields }
}

const dropped = line('error', 'the kernel dropped datagrams', { lost: 7 })
const failed = line('error', 'could not reload', { reason: 'no such file' })
const [reloading, reloaded] = [line('info', 'reloading'), line('info', 'reloaded')]

t.test('a reload has failed with what is logged at error while it lasts, and with nothing else', async t => {
  t.strictSame(failuresIn([dropped, reloading, line('warn', 'slow'), reloaded, dropped]), [])
  t.strictSame(failuresIn([dropped, reloading, failed, reloaded, dropped]), ['could not reload: no such file'])
  t.strictSame(failuresIn([reloading, dropped]), ['the kernel dropped datagrams'], 'it has not ended')
  t.strictSame(failuresIn([line('error', 'FILE:3: no'), failed]), ['FILE:3: no', 'could not reload: no such file'], 'it has not begun')
})
