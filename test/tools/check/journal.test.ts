import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { runCheck, type CheckOutput } from '../../helpers/check-command.js'
import { startReady, type Daemon } from '../../helpers/daemon.js'
import { stablePort } from '../../helpers/ports.js'
import { shortDirectory } from '../../helpers/streams.js'
import { until } from '../../helpers/wait.js'

/** A forwarder with a journal of at most 1 MiB that is kept for a subscriber which never comes. */
async function publisher (t: Test): Promise<{ state: string, add: (bytes: number) => void, forwarder: Daemon, check: (...args: string[]) => Promise<CheckOutput> }> {
  const directory = shortDirectory(t)
  const [lines, state] = [join(directory, 'lines.log'), join(directory, 'state')]
  writeFileSync(lines, '')
  mkdirSync(state)
  const forwarder = await startReady(t, 'forwarder', '--name', 'raw', '--state', state, '--input', `file://${lines}?follow=true&poll-interval=20`,
    '--output', `tcp://127.0.0.1:${await stablePort()}?journal=raw&subscribers=gone&journal-bytes=${1 << 20}&journal-age=10h`)
  return {
    state,
    forwarder,
    add (bytes) { appendFileSync(lines, `${'x'.repeat(1023)}\n`.repeat(bytes / 1024)) },
    // the disk of the test is what it is
    check: async (...args) => await runCheck('journal', '--state', state, '--warning-disk', '101', '--critical-disk', '101', ...args)
  }
}

const usedPercent = (found: CheckOutput): number => Number.parseFloat(found.figures.get('raw.used') ?? '')

/** Makes what is in the journal older. */
function age (state: string, ms: number): void {
  const db = new Database(join(state, 'forwarder-raw.sqlite'))
  db.prepare('UPDATE journal_entry SET saved_ms = saved_ms - ?').run(ms)
  db.close()
}

// seen to fail when the bounds are not taken from the state
t.test('a journal near its bound: how full it is, for whom, and when it will be full', async t => {
  const { state, add, check } = await publisher(t)
  const at = async (percent: number): Promise<CheckOutput> => await until(`it is ${percent} % full`, async () => {
    const found = await check('--warning-hours', '0:', '--critical-hours', '0:')
    return usedPercent(found) >= percent ? found : null
  })

  const empty = await check()
  add(300 << 10)
  const some = await at(29)
  add(400 << 10)
  const warning = await at(68)
  add(200 << 10)
  const critical = await at(85)
  age(state, 60_000)
  const soon = await check('-w', '100', '-c', '100', '-v')
  age(state, 8 * 3_600_000)
  const old = await check('--warning-hours', '0:', '--critical-hours', '1:')

  t.match(empty, { code: 0, line: 'OK: the one journal has room; fullest: raw, 0 %', stderr: '' })
  t.match(some, { code: 0, line: 'OK: the one journal has room; fullest: raw, 29 %' })
  t.match(warning, { code: 1, line: /^WARNING: journal raw is 68 % full/ })
  t.match(critical, { code: 2, line: /^CRITICAL: journal raw is 87 % full/ })
  t.match(soon, { code: 2, line: /^CRITICAL: journal raw is 87 % full, full in \d+ (s|min), kept for gone$/ })
  t.match(soon.text, /^journal raw of forwarder raw: 900 KiB of 1\.0 MiB; oldest record \d+ s of 10 h; grows by \d+ MiB an hour; kept for gone, which lacks 900 records, the oldest for \d+ s, and was heard \d+ s ago$/m)
  t.match(soon.text, /^the disk is \d+ % full/m)
  t.match(old, { code: 2, line: /^CRITICAL: journal raw is 87 % full, full in 11\d min, kept for gone$/ }, 'the oldest will be too old')
})

t.test('what cannot be read is unknown, and a host without journals', async t => {
  const { state, forwarder, check } = await publisher(t)
  const plain = shortDirectory(t)
  await startReady(t, 'consumer', '--name', 'plain', '--state', plain, '--input', 'stdin://', '--output', 'stdout://').then(async daemon => await daemon.stop())

  t.match(await runCheck('journal', '--state', plain, '--warning-disk', '101', '--critical-disk', '101'), { code: 3, line: 'UNKNOWN: no daemon here has a journal', stderr: '' })
  t.match(await runCheck('journal', '--state', plain, '--critical-disk', '0'), { code: 2, line: /^CRITICAL|UNKNOWN/ })
  t.match(await runCheck('journal', '--state', join(plain, 'none')), { code: 3, line: /^UNKNOWN: --state / })
  const old = join(state, 'forwarder-old.sqlite')
  writeFileSync(old, 'this is no database'.repeat(5000))
  t.match(await check('--config', t.testdir({ forwarders: { raw: '' } }), '-v'), { code: 0, text: /^forwarder-old is left out: no argument file defines it/m }, 'a leftover')
  rmSync(old)
  await forwarder.stop()
  writeFileSync(join(state, 'forwarder-raw.sqlite'), 'this is no database'.repeat(5000))
  t.match(await runCheck('journal', '--state', state, '--warning-disk', '101', '--critical-disk', '101'), { code: 3, line: 'UNKNOWN: forwarder-raw cannot be read: run this as the user of the daemons', stderr: '' })
})
