import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { openState } from '../../../lib/stream/state.js'
import { executable } from '../../helpers/daemon.js'
import { journal, save, startForwarder, stored } from '../../helpers/journal-command.js'
import { records } from '../../helpers/journaled.js'
import { until } from '../../helpers/wait.js'

// seen to fail when the last batch is printed whole, and without following
t.test('tail prints the last records, and with --follow what comes until it is stopped', async t => {
  const { directory, feed } = await startForwarder(t)
  feed(records(0, 50))
  await until('all is there', async () => (await journal('tail', directory, '--journal', 'all', '-n', '1')).lines[0] === 'record 49')

  t.same(await journal('tail', directory, '--journal', 'all'), { code: 0, lines: records(40, 50), errors: [] })
  t.same((await journal('tail', directory, '--journal', 'all', '--lines', '0')).lines, [])
  t.same((await journal('tail', directory, '--journal', 'all', '-n', '1000')).lines, records(0, 50))

  const child = spawn(process.execPath, [executable, 'journal', 'tail', '--state', directory, '--journal', 'all', '-n', '3', '--follow'], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => { child.kill('SIGKILL') })
  const printed: string[] = []
  createInterface(child.stdout).on('line', line => { printed.push(line) })
  await until('the last are printed', () => printed.length === 3)
  for (let n = 50; n < 80; n += 10) {
    feed(records(n, n + 10))
    await until('new ones are printed', () => printed.length === n + 10 - 47)
  }
  t.same(printed, records(47, 80))
  child.kill('SIGTERM')
  t.same(await once(child, 'close'), [0, null])
})

// seen to fail when the file stays open
t.test('tail --follow goes on with the state that takes the place of the one it had open', async t => {
  const { directory, file } = stored(t)
  const child = spawn(process.execPath, [executable, 'journal', 'tail', '--state', directory, '--journal', 'all', '-n', '1', '--follow'], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => { child.kill('SIGKILL') })
  const printed: string[] = []
  createInterface(child.stdout).on('line', line => { printed.push(line) })
  await until('the last is printed', () => printed.length === 1)

  for (const suffix of ['', '-wal', '-shm']) {
    try {
      renameSync(`${file}${suffix}`, join(directory, `away${suffix}`))
    } catch { /* there is none */ }
  }
  const state = openState(directory, 'forwarder-a')
  t.teardown(() => { state.close() })
  save(state, 'all', 'a', 'b')

  await until('the new ones are printed', () => printed.length === 3)
  t.same(printed, ['record 299', 'a', 'b'])
})
