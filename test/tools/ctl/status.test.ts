import t from 'tap'
import type { Row } from '../../../tools/ctl/rows.js'
import { statusText } from '../../../tools/ctl/status.js'
import { stateIn } from '../../../tools/ctl/systemd.js'
import { isRefused, stateWords } from '../../../tools/ctl/words.js'

/** What `systemctl show` prints of a unit. */
function block (values: Record<string, string | number>): string {
  const usual = { Id: 'vanadium-consumer@mysql.service', LoadState: 'loaded', ActiveState: 'active', SubState: 'running', UnitFileState: 'enabled', Result: 'success', ExecMainCode: 0, ExecMainStatus: 0, NRestarts: 0, MemoryCurrent: '[not set]', StatusText: '', StateChangeTimestampMonotonic: 0 }
  return Object.entries({ ...usual, ...values }).map(([name, value]) => `${name}=${value}`).join('\n')
}

function wordsOf (values: Record<string, string | number>): string {
  return stateWords(stateIn(block(values), 0n))
}

t.test('what systemctl shows is understood', async t => {
  t.strictSame(stateIn(block({ MemoryCurrent: 104857600, NRestarts: 3, StatusText: 'waits for a=b', ActiveEnterTimestampMonotonic: 5_000_000, StateChangeTimestampMonotonic: 9_000_000 }), 10_000_000_000n), {
    unit: 'vanadium-consumer@mysql.service', load: 'loaded', active: 'active', sub: 'running', isEnabled: true, result: 'success', exit: null, restarts: 3, memoryBytes: 104857600, text: 'waits for a=b', sinceMs: 5000
  })
  t.match(stateIn(block({ MemoryCurrent: '18446744073709551615', UnitFileState: 'disabled', ActiveState: 'failed', StateChangeTimestampMonotonic: 9_000_000 }), 10_000_000_000n), { memoryBytes: null, isEnabled: false, sinceMs: 1000 })
  t.equal(stateIn(block({}), 0n).sinceMs, null)
})

t.test('each state has its words', async t => {
  const failed = { ActiveState: 'failed', SubState: 'failed', Result: 'exit-code', ExecMainCode: 1 }

  t.equal(wordsOf({}), 'runs')
  t.equal(wordsOf({ ActiveState: 'inactive' }), 'stopped')
  t.equal(wordsOf({ ActiveState: 'inactive', UnitFileState: 'disabled' }), 'stopped, not enabled')
  t.equal(wordsOf({ ActiveState: 'activating', SubState: 'start' }), 'starts')
  t.equal(wordsOf({ ActiveState: 'activating', SubState: 'auto-restart', Result: 'signal', ExecMainCode: 2, ExecMainStatus: 9 }), 'restarts after signal 9')
  t.equal(wordsOf({ ActiveState: 'activating', SubState: 'auto-restart', Result: 'watchdog', ExecMainCode: 3, ExecMainStatus: 6 }), 'restarts after it hung (watchdog)')
  t.equal(wordsOf({ ActiveState: 'deactivating' }), 'stops')
  t.equal(wordsOf({ ActiveState: 'reloading' }), 'reloads')
  t.equal(wordsOf({ ...failed, ExecMainStatus: 78 }), 'failed: exit code 78, bad configuration')
  t.equal(wordsOf({ ...failed, ExecMainStatus: 70 }), 'failed: exit code 70, a bug')
  t.equal(wordsOf({ ...failed, Result: 'oom-kill' }), 'failed: it had no memory left')
  t.equal(wordsOf({ LoadState: 'not-found', ActiveState: 'inactive' }), 'no such unit: systemctl daemon-reload?')
  t.equal(wordsOf({ LoadState: 'masked', ActiveState: 'inactive' }), 'masked')
  t.ok(isRefused(stateIn(block({ ...failed, ExecMainStatus: 78 }), 0n)))
  t.notOk(isRefused(stateIn(block({ ...failed, ExecMainStatus: 1 }), 0n)))
})

const row: Row = { name: 'consumer/mysql', unit: 'vanadium-consumer@mysql.service', state: 'runs', isWell: true, sinceMs: 3_600_000 * 5, rate: 1234.4, lag: { records: 20_000, seconds: 90 }, memoryBytes: 110 << 20, restarts: 2, lastError: { atMs: 0, message: 'no\x1b[2J room' }, why: [] }

t.test('status is a table, what is wrong below it, and a line that says how many are', async t => {
  const failed = { ...row, name: 'consumer/b', state: 'failed: exit code 78, bad configuration', isWell: false, rate: null, lag: null, memoryBytes: null, restarts: 0, lastError: null, why: ['/etc/vanadium.d/consumers/b:3: unknown argument: foo'] }

  t.equal(statusText([row, failed], 60_000), [
    'instance        state                                    since  records/s     lag  lag time   memory  restarts  last error',
    'consumer/mysql  runs                                       5 h      1,234  20,000      90 s  110 MiB         2  60 s ago: no·[2J room',
    'consumer/b      failed: exit code 78, bad configuration    5 h',
    '',
    'consumer/b: /etc/vanadium.d/consumers/b:3: unknown argument: foo',
    '1 of 2 not well: consumer/b',
    ''
  ].join('\n'))
  t.match(statusText([row], 0), /\n\nall 1 are well\n$/)
})
