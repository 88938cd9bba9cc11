import { execFile, spawnSync } from 'node:child_process'
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { executable, startDaemon, startDaemonIn, startReady, type Daemon } from '../helpers/daemon.js'
import { connecting, keysIn, streamKeys } from '../helpers/keys.js'
import { stablePort } from '../helpers/ports.js'
import { shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

function linesIn (file: string): string[] {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []
}

function numbered (from: number, end: number): string[] {
  return Array.from({ length: end - from }, (_, n) => `{"n":${from + n}}`)
}

// seen to fail when SIGHUP does not read the list, and when the Dealer of the replay has no keys
t.test('daemons joined by streams with keys: nothing is missed when the publisher is killed; who is admitted at a reload gets everything', async t => {
  const directory = shortDirectory(t)
  const keys = streamKeys(directory)
  const late = keysIn(directory, 'late')
  const [plain, journaled, replay] = [await stablePort(), await stablePort(), await stablePort()]
  const input = join(directory, 'in.log')
  const file = (name: string): string => join(directory, `${name}.log`)
  writeFileSync(input, '')
  const send = (from: number, end: number): void => { appendFileSync(input, numbered(from, end).map(line => `${line}\n`).join('')) }
  const startForwarder = async (): Promise<Daemon> => await startReady(t, 'forwarder', '--state', join(directory, 'f'), '--flush-interval', '0.2',
    '--input', `file://${input}?follow=true&poll-interval=20`,
    '--output', `tcp://127.0.0.1:${journaled}?journal=events&replay=${replay}&subscribers=late&${keys.bound}`, `tcp://127.0.0.1:${plain}?${keys.bound}`)
  const startConsumer = async (name: string, options: string): Promise<Daemon> => await startReady(t, 'consumer', '--state', join(directory, 'c'), '--name', name, '--flush-interval', '0.2',
    '--input', `tcp://127.0.0.1:${journaled}?as=${name}&${options}`, '--output', `file://${file(name)}`)
  const forwarder = await startForwarder()
  await startConsumer('db1', keys.connected)
  const refused = await startConsumer('late', connecting(late, keys.server))
  send(0, 100)
  await until('the first have come', () => linesIn(file('db1')).length === 100)

  forwarder.child.kill('SIGKILL')
  await forwarder.ended
  send(100, 200)
  const second = await startForwarder()
  await until('all have come', () => linesIn(file('db1')).length >= 200, 60_000)
  t.same(linesIn(file('db1')), numbered(0, 200))
  t.match(await refused.logged(({ message }) => message.startsWith('the peer refuses this end')), { level: 'warn', public_key: late.publicKey })
  t.match(await second.logged('a peer was refused: its key is not in the file of clients'), { level: 'warn', public_key: late.publicKey, address: '127.0.0.1' })
  t.same(linesIn(file('late')), [])

  keys.allow(keys.client, late)
  second.child.kill('SIGHUP')
  await until('who was admitted has all of it', () => linesIn(file('late')).length >= 200, 60_000)
  t.same(linesIn(file('late')), numbered(0, 200))

  const run = promisify(execFile)(process.execPath, [executable, 'tap', '--count', '1', '--input', `tcp://127.0.0.1:${plain}?${keys.connected}`])
  let isOver = false
  const tapped = run.finally(() => { isOver = true })
  let n = 1000
  await until('tap shows one', () => {
    if (!isOver) send(n, ++n)
    return isOver
  }, 60_000)
  t.match((await tapped).stdout, /^\{"n":1\d\d\d\}\n$/)

  t.equal(await second.stop(), 0)
})

// seen to fail without checkSecrets
t.test('bad keys end a daemon with 78 at its start, and at --config-check, and say what to do', async t => {
  const directory = shortDirectory(t)
  const keys = streamKeys(directory)
  writeFileSync(join(directory, 'open.secret'), readFileSync(keys.server.secretFile), { mode: 0o644 })
  for (const [options, why] of [
    [`curve=${join(directory, 'open.secret')}&clients=${keys.clientsFile}`, /open\.secret has mode 0644.*chmod/],
    [`curve=${keys.server.secretFile}&clients=${join(directory, 'none')}`, /clients .*none cannot be read/],
    [`curve=${keys.server.publicFile}&clients=${keys.clientsFile}`, /curve .*server\.public/]
  ] as const) {
    for (const check of [[], ['--config-check']]) {
      const daemon = startDaemon(t, 'forwarder', ...check, '--input', 'stdin://', '--output', `tcp://127.0.0.1:0?${options}`)

      t.equal(await daemon.ended, 78)
      t.match(daemon.log.at(-1), { level: 'error', message: why })
    }
  }
})

t.test('commands that look at a stream, or publish one, find bad keys at --config-check', async t => {
  const directory = shortDirectory(t)
  const keys = streamKeys(directory)
  const [records, processor] = [join(directory, 'records'), join(directory, 'processor')]
  writeFileSync(records, '')
  writeFileSync(processor, '--format %q\n--input stdin://\n--output stdout://\n')
  for (const [name, ...args] of [
    ['client', 'tap', '--input', `tcp://127.0.0.1:1?${keys.connected}`],
    ['server', 'replay', '--records', records, '--processor', processor, '--output', `tcp://127.0.0.1:0?${keys.bound}`]
  ] as const) {
    const check = (): { status: number | null, stderr: string } => spawnSync(process.execPath, [executable, ...args, '--state', directory, '--config-check'], { encoding: 'utf8' })
    t.equal(check().status, 0, args[0])
    renameSync(keys[name].secretFile, `${keys[name].secretFile}.gone`)
    t.match(check(), { status: 78, stderr: /there is no such file/ }, args[0])
    renameSync(`${keys[name].secretFile}.gone`, keys[name].secretFile)
  }
})

t.test('a secret key may be a credential that systemd gives to the unit: then its file need not be readable', async t => {
  const [directory, credentials] = [shortDirectory(t), shortDirectory(t)]
  const keys = streamKeys(directory)
  renameSync(keys.server.secretFile, join(credentials, 'server.secret'))
  const args = ['forwarder', '--config-check', '--input', 'stdin://', '--output', `tcp://127.0.0.1:0?${keys.bound}`]

  t.equal(await startDaemonIn({ CREDENTIALS_DIRECTORY: credentials }, t, ...args).ended, 0)
  t.equal(await startDaemon(t, ...args).ended, 78)
})
