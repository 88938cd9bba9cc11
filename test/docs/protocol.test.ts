import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, symlinkSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { batchOfLines } from '../../lib/stream/batch.js'
import type { Batch } from '../../lib/stream/contracts.js'
import { builtInWriters } from '../../lib/writers/index.js'
import type { TcpWriter } from '../../lib/writers/tcp.js'
import { testContext } from '../helpers/context.js'
import { records, startPublisher } from '../helpers/journaled.js'
import { keysIn } from '../helpers/keys.js'
import { projectRoot } from '../helpers/shared.js'
import { shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

const page = readFileSync(join(projectRoot, 'docs', 'protocol.md'), 'utf8')

async function openWriter (t: Test, options = ''): Promise<TcpWriter> {
  const ctx = testContext()
  t.teardown(async () => { await ctx.end() })
  return await builtInWriters().open(`tcp://127.0.0.1:0${options}`, ctx) as TcpWriter
}

function example (language: string): string {
  return new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's').exec(page)?.[1] ?? ''
}

t.test('the example in Node reads events', async t => {
  const writer = await openWriter(t)
  const script = example('js').replace('tcp://127.0.0.1:8600', writer.endpoint)
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { cwd: projectRoot, stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => { child.kill() })
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', line => { lines.push(line) })

  await until('it prints one', async () => {
    await writer.write(batchOfLines(['{"schema":"Test","event":{"n":1}}']) as Batch)
    return lines.length > 0
  })

  t.equal(lines[0], 'Test { n: 1 }')
})

t.test('the example for journaled streams reads every record, also those that were published before', async t => {
  const publisher = await startPublisher(t, shortDirectory(t))
  await publisher.publish(...records(0, 1000))
  const script = example('js journaled').replace('tcp://127.0.0.1:8610', publisher.writer.endpoint).replace('tcp://127.0.0.1:8710', publisher.writer.replayEndpoint)
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { cwd: projectRoot, stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => { child.kill() })
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', line => { lines.push(line) })

  await until('it has fetched what was there', () => lines.length >= 1000)
  for (let n = 1000; n < 1100; n += 10) await publisher.publish(...records(n, n + 10))
  await until('it has got what is new', () => lines.length >= 1100)

  t.same(lines, records(0, 1100).map((record, n) => `${n} ${record}`))
})

t.test('the example in Node with keys reads records', async t => {
  const directory = shortDirectory(t)
  const [server, client] = [keysIn(directory, 'collector'), keysIn(directory, 'db1')]
  const writer = await openWriter(t, `?curve=${server.secretFile}&clients=${client.publicFile}`)
  const script = example('js curve').replace('tcp://127.0.0.1:8600', writer.endpoint)
  // from where the key files are; modules are found from there, too
  symlinkSync(join(projectRoot, 'node_modules'), join(directory, 'node_modules'))
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { cwd: directory, stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => { child.kill() })
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', line => { lines.push(line) })

  await until('it prints one', async () => {
    await writer.write(batchOfLines(['hello']) as Batch)
    return lines.length > 0
  })

  t.equal(lines[0], 'hello')
})

t.test('the examples in Python are Python', async t => {
  for (const language of ['python', 'python curve']) {
    const child = spawn('python3', ['-c', 'import sys; compile(sys.stdin.read(), "protocol.md", "exec")'], { stdio: ['pipe', 'inherit', 'inherit'] })
    child.stdin.end(example(language))

    t.match(example(language), /SUBSCRIBE/)
    t.same(await once(child, 'exit'), [0, null])
  }
})

t.test('a subscriber that knows nothing but the bytes described gets every record', async t => {
  const writer = await openWriter(t)
  const socket = connect(Number(writer.endpoint.split(':').at(-1)), '127.0.0.1')
  t.teardown(() => { socket.destroy() })
  const zeros = (count: number): Buffer => Buffer.alloc(count)
  const frame = (flags: number, body: Buffer): Buffer => Buffer.concat([Buffer.of(flags, body.length), body])
  const greeting = Buffer.concat([Buffer.of(0xff), zeros(8), Buffer.of(0x7f, 3, 0), Buffer.from('NULL'), zeros(16), zeros(32)])
  const ready = frame(4, Buffer.concat([Buffer.from('\x05READY\x0bSocket-Type'), Buffer.of(0, 0, 0, 3), Buffer.from('SUB')]))
  const subscription = Buffer.from('0003017b22', 'hex')
  let received = Buffer.alloc(0)
  socket.on('data', chunk => { received = Buffer.concat([received, chunk]) })

  t.equal(greeting.length, 64)
  socket.write(Buffer.concat([greeting, ready]))
  await until('the publisher is ready', () => received.includes('READY') && received.length >= 64 + 27)
  socket.write(subscription)
  const records = ['{"a":1}', `{"long":"${'x'.repeat(1000)}"}`]
  await until('records come', async () => {
    await writer.write(batchOfLines(['not wanted', ...records]) as Batch)
    return recordsIn(received).length >= 2
  })

  t.same(recordsIn(received).slice(0, 2), records)
  t.same(recordsIn(Buffer.concat([zeros(64), Buffer.from('00027b7d', 'hex')])), ['{}'])
})

/** By docs/protocol.md alone. */
function recordsIn (bytes: Buffer): string[] {
  const records: string[] = []
  for (let at = 64; at + 2 <= bytes.length;) {
    const flags = bytes.readUInt8(at)
    const isLong = (flags & 2) !== 0
    if (isLong && at + 9 > bytes.length) break
    const length = isLong ? Number(bytes.readBigUInt64BE(at + 1)) : bytes.readUInt8(at + 1)
    const start = at + (isLong ? 9 : 2)
    if (start + length > bytes.length) break
    if ((flags & 4) === 0) records.push(bytes.subarray(start, start + length).toString())
    at = start + length
  }
  return records
}
