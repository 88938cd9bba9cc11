import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { openState } from '../../../lib/stream/state.js'
import { executable } from '../../helpers/daemon.js'
import { change, journal, save, stored } from '../../helpers/journal-command.js'
import { records } from '../../helpers/journaled.js'
import { shortDirectory } from '../../helpers/streams.js'

// seen to fail with the whole of the first and last batch, and without `since`
t.test('export prints all records, those between two numbers, and those of some time', async t => {
  const { directory, file } = stored(t)

  t.same(await journal('export', directory, '--journal', 'all'), { code: 0, lines: records(0, 300), errors: [] })
  t.same((await journal('export', directory, '--journal', 'all', '--from', '95', '--to', '213')).lines, records(95, 214))
  t.same((await journal('export', directory, '--journal', 'all', '--from', '290', '--to', '1000')).lines, records(290, 300))
  t.same((await journal('export', directory, '--journal', 'all', '--from', '300')).lines, [])
  change(file, `UPDATE journal_entry SET time_ms = ${Date.parse('2014-05-21T09:30:00Z')} WHERE first < 250`)
  t.same((await journal('export', directory, '--journal', 'all', '--since', '2h')).lines, records(250, 300))
  t.same((await journal('export', directory, '--journal', 'all', '--since', '2014-05-21T09:30:00Z')).lines, records(0, 300))
})

// seen to fail when a reader that goes is an error
t.test('export ends quietly when its reader has enough', async t => {
  const directory = shortDirectory(t)
  const state = openState(directory, 'forwarder-a')
  for (let n = 0; n < 50; n++) save(state, 'all', `record ${n} ${'x'.repeat(100_000)}`)
  state.close()

  const command = `'${process.execPath}' '${executable}' journal export --state '${directory}' --journal all | head -c 8; exit "\${PIPESTATUS[0]}"`
  const result = await new Promise<unknown[]>(resolve => { execFile('bash', ['-c', command], (error, stdout, stderr) => { resolve([error?.code ?? 0, stdout, stderr]) }) })

  t.same(result, [0, 'record 0', ''])
})

// seen to fail when all rows are read at once
t.test('export needs little memory, however much there is', async t => {
  const directory = shortDirectory(t)
  const state = openState(directory, 'forwarder-a', { fsync: 'checkpoint' })
  const record = 'x'.repeat(1 << 20)
  for (let n = 0; n < 400; n++) save(state, 'all', record)
  state.close()
  const child = spawn(process.execPath, [executable, 'journal', 'export', '--state', directory, '--journal', 'all'], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => { child.kill('SIGKILL') })
  const ended = once(child, 'close')
  let bytes = 0
  let peakKb = 0
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > 390 << 20 && peakKb === 0) peakKb = Number(/VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1])
  }

  t.same(await ended, [0, null])
  t.equal(bytes, 400 * ((1 << 20) + 1))
  t.ok(peakKb > 0 && peakKb < 300 << 10, `${peakKb} KiB`)
})
