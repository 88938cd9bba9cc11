import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { XPublisher } from 'zeromq'
import { startReady } from '../helpers/daemon.js'
import { until } from '../helpers/wait.js'

function numbersIn (file: string): number[] {
  return readFileSync(file, 'utf8').split('\n').slice(0, -1).map(line => Number(line.split(' ')[0]))
}

function isPrefix (numbers: readonly number[]): boolean {
  return numbers.every((number, i) => number === i)
}

t.test('SIGTERM under load: what was sent over UDP before the signal is in the file, in order, or counted as lost', async t => {
  const file = join(t.testdir(), 'out.log')
  const daemon = await startReady(t, 'forwarder', '--input', 'udp://127.0.0.1:0?receive-buffer=33554432', '--output', `file://${file}`)
  const { port } = await daemon.logged(line => line.message === 'listening')
  const socket = createSocket('udp4')
  const send = async (i: number): Promise<void> => { await new Promise(resolve => { socket.send(`${i} ${'x'.repeat(500)}`, Number(port), '127.0.0.1', resolve) }) }

  let sent = 0
  for (; sent < 20_000; sent++) await send(sent)
  const before = sent
  daemon.child.kill('SIGTERM')
  for (; daemon.child.exitCode === null && sent < 100_000; sent++) await send(sent)
  socket.close()

  t.equal(await daemon.ended, 0)
  const numbers = numbersIn(file)
  const { lost = 0 } = (await daemon.logged('stopped')).counts as { lost?: number }
  t.ok(numbers.every((number, i) => i === 0 || number > (numbers[i - 1] ?? 0)), 'in order, none twice')
  t.ok(numbers.length + lost >= before, `${numbers.length} arrived, ${lost} were counted as lost by the kernel, of the ${before} sent before the signal`)
  t.ok((numbers.at(-1) ?? 0) + 1 - numbers.length <= lost, 'no gap that was not counted')
})

t.test('SIGTERM under load: what a processor had read from a pipe comes out of it', async t => {
  const directory = t.testdir()
  const valid = join(directory, 'valid.json')
  const invalid = join(directory, 'invalid.json')
  const daemon = await startReady(t, 'processor', '--format', '%j', '--input', 'stdin://', '--output', `file://${valid}`, '--invalid', `file://${invalid}`)
  daemon.child.stdin.on('error', () => {})

  let i = 0
  while (daemon.child.exitCode === null && i < 2_000_000) {
    const chunk = Array.from({ length: 500 }, () => `{"seqId":${i++}}\n`).join('')
    if (!daemon.child.stdin.write(chunk)) await Promise.race([once(daemon.child.stdin, 'drain').catch(() => {}), daemon.ended])
    if (i === 50_000) daemon.child.kill('SIGTERM')
  }

  t.equal(await daemon.ended, 0)
  const numbers = readFileSync(invalid, 'utf8').split('\n').slice(0, -1).map(line => (JSON.parse(line) as { seqId: number }).seqId)
  const { counts } = await daemon.logged('stopped')
  t.ok(isPrefix(numbers), 'no gap')
  t.ok(numbers.length > 0)
  t.equal(numbers.length, (counts as { taken: number }).taken)
})

t.test('SIGTERM under load: what a consumer had received from a stream is in SQLite', async t => {
  const file = join(t.testdir(), 'events.sqlite')
  const publisher = new XPublisher({ sendHighWaterMark: 0 })
  await publisher.bind('tcp://127.0.0.1:0')
  const daemon = await startReady(t, 'consumer', '--input', publisher.lastEndpoint ?? '', '--output', `sqlite://${file}`)
  await publisher.receive()
  const capsule = (i: number): string => JSON.stringify({
    schema: 'EventError', revision: 14035058, wiki: '', recvFrom: 'h', seqId: i, timestamp: 1400664601, uuid: i.toString(16).padStart(32, '0'), event: { rawEvent: String(i), message: 'm', code: 'processor', schema: 'unknown', revision: -1 }
  })

  let i = 0
  for (; daemon.child.exitCode === null && i < 1_000_000; i++) {
    await publisher.send(capsule(i))
    if (i === 30_000) daemon.child.kill('SIGTERM')
    if (i % 500 === 0) await new Promise(resolve => { setImmediate(resolve) })
  }
  publisher.close()

  t.equal(await daemon.ended, 0)
  const db = new Database(file, { readonly: true })
  const numbers = db.prepare('SELECT event_rawEvent AS n FROM EventError_14035058 ORDER BY id').all().map(row => Number((row as { n: string }).n))
  db.close()
  t.ok(numbers.length > 0)
  t.ok(isPrefix(numbers), 'no gap, in order, none twice')
  t.equal(numbers.length, ((await daemon.logged('stopped')).counts as { taken: number }).taken)
})

t.test('a second signal gives up at once, and says what was still running', async t => {
  // a publisher that nobody can connect to keeps nothing busy: the store that is away does
  const daemon = await startReady(t, 'consumer', '--input', 'stdin://', '--output', 'mysql://127.0.0.1:1/nowhere')
  daemon.child.stdin.write(`${JSON.stringify({ schema: 'EventError', revision: 14035058, wiki: '', recvFrom: 'h', uuid: '0'.repeat(32), event: { rawEvent: 'x', message: 'm', code: 'processor', schema: 'unknown', revision: -1 } })}\n`)
  await daemon.logged(line => line.level === 'warn')

  daemon.child.kill('SIGTERM')
  await daemon.logged('stopping')
  daemon.child.kill('SIGTERM')

  t.equal(await daemon.ended, 1)
  t.match(await until('the reason is logged', () => daemon.log.find(line => line.message.startsWith('gave up'))), { level: 'error', still_running: /.+/ })
})
