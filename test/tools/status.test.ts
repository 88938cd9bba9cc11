import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { executable, startReady } from '../helpers/daemon.js'
import { freePort, stablePort } from '../helpers/ports.js'
import { shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

async function status (...args: string[]): Promise<{ code: number, text: string }> {
  return await new Promise(resolve => {
    execFile(process.execPath, [executable, 'status', ...args], (error, stdout, stderr) => { resolve({ code: error === null ? 0 : Number(error.code), text: stdout + stderr }) })
  })
}

// seen to fail when the lock is not looked at, and when errors are not noted
t.test('each daemon is shown: whether it is up, what it does, how far it is behind, what it complained of last', async t => {
  const directory = shortDirectory(t)
  const lines = join(directory, 'lines.log')
  const stream = `tcp://127.0.0.1:${await stablePort()}`
  writeFileSync(lines, Array.from({ length: 1000 }, (_, n) => `line ${n}\n`).join(''))
  const forwarder = await startReady(t, 'forwarder', '--name', 'raw', '--state', directory, '--input', `file://${lines}?follow=true`, '--output', `${stream}?journal=raw`)
  // what it reads is no event, and its store is not there
  const consumer = await startReady(t, 'consumer', '--name', 'mysql-m2', '--state', directory, '--input', `${stream}?as=mysql-m2`, '--output', `mysql://root@127.0.0.1:${await freePort()}/log`)

  const running = await until('the consumer has complained', async () => {
    const found = await status('--state', directory)
    return /\d s +\d+ MiB.*refused/.test(found.text) && /mysql-m2 +up +\d+ s +\S+ +\S+ +\d+ s /.test(found.text) ? found : null
  })
  forwarder.child.kill('SIGKILL')
  await forwarder.ended
  const after = await status('--state', directory)
  const [first] = JSON.parse((await status('--state', directory, '--json')).text) as unknown[]

  t.equal(running.code, 0)
  t.match(running.text, /^forwarder +raw +up +\d+ s +[\d,]+ +\d+ MiB$/m)
  t.match(running.text, /^consumer +mysql-m2 +up +\d+ s +[\d,]+ +[\d,]+ +\d+ s +\d+ MiB +\d+ s ago: a record was refused and is lost; --dead-letter would keep it$/m)
  t.equal(after.code, 2)
  t.match(after.text, /^forwarder +raw +down$/m)
  t.match(first, { daemon: 'consumer', instance: 'mysql-m2', up: true, pid: consumer.child.pid })
})
