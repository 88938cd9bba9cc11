import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { runCheck, type CheckOutput } from '../../helpers/check-command.js'
import { startReady, type Daemon } from '../../helpers/daemon.js'
import { freePort, stablePort } from '../../helpers/ports.js'
import { shortDirectory } from '../../helpers/streams.js'
import { until } from '../../helpers/wait.js'

interface Chain {
  readonly state: string
  add (count: number, line?: string): void
  publisher (): Promise<Daemon>
  consumer (name: string, output: string): Promise<Daemon>
  check (...args: string[]): Promise<CheckOutput>
  /** The first for which it holds. */
  until (what: string, holds: (found: CheckOutput) => boolean, ...args: string[]): Promise<CheckOutput>
}

/** A forwarder with a journal, for whoever reads it. */
async function chain (t: Test, options = ''): Promise<Chain> {
  const directory = shortDirectory(t)
  const [lines, state] = [join(directory, 'lines.log'), join(directory, 'state')]
  writeFileSync(lines, '')
  mkdirSync(state)
  const stream = `tcp://127.0.0.1:${await stablePort()}`
  const check = async (...args: string[]): Promise<CheckOutput> => await runCheck('lag', '--state', state, ...args)
  return {
    state,
    check,
    add (count, line = 'a line') { appendFileSync(lines, `${line}\n`.repeat(count)) },
    publisher: async () => await startReady(t, 'forwarder', '--name', 'raw', '--state', state, '--input', `file://${lines}?follow=true&poll-interval=20`, '--output', `${stream}?journal=raw${options}`),
    consumer: async (name, output) => await startReady(t, 'consumer', '--name', name, '--state', state, '--input', `${stream}?as=${name}`, '--output', output),
    until: async (what, holds, ...args) => await until(what, async () => {
      const found = await check(...args)
      return holds(found) ? found : null
    }, 60_000)
  }
}

const records = (found: CheckOutput, reader: string): number => Number(found.figures.get(`${reader}.records`) ?? NaN)

t.test('readers that are up, down, and never came: how far each is behind, the slowest first, until they catch up', async t => {
  const { add, publisher, consumer, check, until, state } = await chain(t, '&subscribers=late')
  const forwarder = await publisher()
  const log = await consumer('log', `file://${join(state, '..', 'log.log')}`)
  add(100)
  await until('the log has all', found => records(found, 'consumer-log') === 0 && records(found, 'subscriber-late') === 100)
  await log.stop()
  add(50)
  const down = await until('it lacks what came', found => records(found, 'consumer-log') === 50, '-w', '~:3600', '-v')
  const warning = await until('it is late', found => found.code === 1, '-w', '1', '-c', '3600', '--only', 'log')
  const critical = await check('-c', '0', '--only', 'consumer-log')
  const counted = await check('--warning-records', '49', '--critical-records', '50', '--only', 'log')
  await forwarder.stop()
  const both = await check('--only', 'log', '--warning-records', '49')
  await publisher()
  await consumer('log', `file://${join(state, '..', 'log.log')}`)
  await consumer('late', `file://${join(state, '..', 'late.log')}`)
  const over = await until('nobody lacks anything', found => records(found, 'consumer-log') === 0 && records(found, 'consumer-late') === 0)

  t.match(down, { code: 0, stderr: '' })
  t.match(down.line, /^OK: slowest of 2: subscriber late is \d+ s behind, 150 records: never seen here$/)
  t.match(down.details, [/^subscriber late: 150 records, \d+ s behind raw of forwarder raw; never seen here$/, /^consumer log: 50 records, \d+ s behind raw of forwarder raw; down$/])
  t.match(warning.line, /^WARNING: consumer log is \d+ s behind, 50 records: down$/)
  t.match(critical, { code: 2, line: /^CRITICAL: consumer log is \d+ s behind, 50 records: down$/ })
  t.match(counted, { code: 1 })
  t.match(both, { code: 1, line: /^WARNING: consumer log is \d+ s behind, 50 records: down$/ }, 'the publisher need not run')
  t.match(over, { code: 0, line: 'OK: nobody is behind, of 2' })
})

t.test('a consumer that waits for its database says so, and why', async t => {
  const { add, publisher, consumer, until } = await chain(t)
  await publisher()
  const port = await freePort()
  await consumer('mysql', `mysql://root@127.0.0.1:${port}/log`)
  add(10, JSON.stringify({ schema: 'DemoButtonClick', revision: 1, wiki: 'w', recvFrom: 'r', uuid: '0'.repeat(32), timestamp: 1, event: { button: 'save', clicks: 1 } }))

  const waiting = await until('it waits', found => found.code === 2 && found.details[0]?.includes('waits for mysql:') === true, '-w', '0', '-c', '1')

  t.match(waiting.line, /^CRITICAL: consumer mysql is \d+ s behind, \d+ records: waits for its store$/)
  t.match(waiting.details[0], new RegExp(`waits for mysql://root@127.0.0.1:${port}/log since \\d+ s: .*ECONNREFUSED`))
})

t.test('one that is stopped is behind, and catches up when it is woken; one that is down for ever falls behind', async t => {
  const { add, publisher, consumer, until, state } = await chain(t)
  await publisher()
  const log = await consumer('log', `file://${join(state, '..', 'log.log')}`)
  add(1)
  await until('it is known', found => records(found, 'consumer-log') === 0)

  log.child.kill('SIGSTOP')
  add(10)
  const stopped = await until('it is late', found => found.code === 1, '-w', '1')
  log.child.kill('SIGCONT')
  await until('it is there', found => found.code === 0 && records(found, 'consumer-log') === 0, '-w', '1')

  t.match(stopped.line, /^WARNING: consumer log is \d+ s behind, 10 records/)
})

t.test('what cannot be read is unknown, in a line', async t => {
  const { publisher, consumer, check, add, until, state } = await chain(t)
  await publisher()
  await consumer('log', `file://${join(state, '..', 'log.log')}`)
  add(1)
  await until('it is known', found => records(found, 'consumer-log') === 0)
  const elsewhere = shortDirectory(t)
  await startReady(t, 'consumer', '--name', 'plain', '--state', elsewhere, '--input', 'stdin://', '--output', 'stdout://').then(async daemon => await daemon.stop())

  t.match(await runCheck('lag', '--state', join(state, 'none')), { code: 3, line: /^UNKNOWN: --state \S+none: ENOENT/, stderr: '' })
  t.match(await runCheck('lag', '--state', shortDirectory(t)), { code: 3, line: /^UNKNOWN: --state \S+: there is no state in it/ })
  t.match(await runCheck('lag', '--state', elsewhere), { code: 3, line: 'UNKNOWN: no daemon here publishes or reads a journal' })
  t.match(await check('--only', 'nobody'), { code: 3, line: 'UNKNOWN: --only nobody: no reader is called so; there are consumer-log' })
  const config = t.testdir({ forwarders: { raw: '', defined: '' } })
  const left = join(state, 'forwarder-old.sqlite')
  writeFileSync(left, 'this is no database'.repeat(5000))
  t.match(await check('--config', config, '-v'), { code: 0, details: [/^consumer log: /, /^forwarder-old is left out: no argument file defines it, it does not run, and it cannot be read: /] }, 'a leftover')
  renameSync(left, join(state, 'forwarder-defined.sqlite'))
  t.match(await check('--config', config), { code: 3, line: /^UNKNOWN: forwarder-defined cannot be read/ }, 'down, and defined')
  rmSync(join(state, 'forwarder-defined.sqlite'))
  for (const file of ['forwarder-raw.sqlite', 'forwarder-raw.sqlite-wal']) writeFileSync(join(state, file), 'this is no database'.repeat(5000))
  const damaged = await check()
  t.match(damaged, { code: 3, line: 'UNKNOWN: forwarder-raw cannot be read: run this as the user of the daemons', stderr: '' })
  t.match(damaged.details[0], /^forwarder-raw cannot be read: /)
})
