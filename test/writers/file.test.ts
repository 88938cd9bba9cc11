import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { batchOfLines } from '../../lib/stream/batch.js'
import type { Batch, Writer } from '../../lib/stream/contracts.js'
import { Schemes } from '../../lib/stream/schemes.js'
import { openState } from '../../lib/stream/state.js'
import { fileWriter } from '../../lib/writers/file.js'
import { testContext, type TestContext } from '../helpers/context.js'
import { at } from '../helpers/provenance.js'
import { needsSmallDisk, smallDisk } from '../helpers/small-disk.js'
import { until } from '../helpers/wait.js'

const writers = new Schemes<Writer>('writer').add(fileWriter)

async function openWriter (t: Test, path: string, options = ''): Promise<{ writer: Writer, ctx: TestContext }> {
  const ctx = testContext()
  t.teardown(async () => { await ctx.end() })
  return { writer: await writers.open(`file://${path}${options}`, ctx), ctx }
}

function batch (...lines: string[]): Batch {
  return batchOfLines(lines) as Batch
}

function read (path: string): string {
  return readFileSync(path, 'utf8')
}

function says (ctx: TestContext, message: string): boolean {
  return ctx.logged().some(line => line['message'] === message)
}

t.test('records are appended, a line each, in a directory that is made', async t => {
  const path = join(t.testdir(), 'a', 'b', 'events.log')
  const first = await openWriter(t, path)
  await first.writer.write(batch('one', 'zwölf'))
  await first.writer.flush()
  t.equal(read(path), 'one\nzwölf\n')
  await first.writer.close()
  await first.writer.close()

  const second = await openWriter(t, path, '?fsync=never')
  await second.writer.write(batch('three'))
  await second.writer.flush()

  t.equal(read(path), 'one\nzwölf\nthree\n')
  t.equal(statSync(path).mode & 0o777, 0o640 & ~process.umask())
  t.notOk(existsSync(`${path}.torn`))
})

t.test('a line that a crash tore is set aside, so that it cannot look like a record', async t => {
  const path = join(t.testdir({ events: 'whole\n{"to' }), 'events')
  const { writer, ctx } = await openWriter(t, path)
  await writer.write(batch('next'))
  await writer.flush()

  t.equal(read(path), 'whole\nnext\n')
  t.equal(read(`${path}.torn`), '{"to\n')
  t.match(ctx.logged(), [{ level: 'error', bytes: 4, kept_in: `${path}.torn` }])

  await writer.close()
  const long = 'x'.repeat(200_000)
  appendFileSync(path, long)
  await openWriter(t, path)
  t.equal(read(path), 'whole\nnext\n', 'also one that is longer than what is read at once')
  t.equal(read(`${path}.torn`), `{"to\n${long}\n`)

  writeFileSync(path, 'no newline at all')
  await openWriter(t, path)
  t.equal(read(path), '')
})

t.test('a file that is none of lines is not touched', async t => {
  const path = join(t.testdir({ image: '' }), 'image')
  truncateSync(path, 65 << 20)

  await t.rejects(openWriter(t, path), { name: 'ConfigError', message: /no file of lines/ })

  t.equal(statSync(path).size, 65 << 20)
})

t.test('at SIGHUP it opens its path anew', async t => {
  const path = join(t.testdir(), 'events.log')
  const { writer, ctx } = await openWriter(t, path)
  await writer.write(batch('before'))

  renameSync(path, `${path}.1`)
  await ctx.reload()
  await writer.write(batch('after'))
  await writer.flush()

  t.equal(read(`${path}.1`), 'before\n')
  t.equal(read(path), 'after\n')
})

t.test('without a signal it notices on a flush that the file was moved or removed', async t => {
  const directory = t.testdir()
  const path = join(directory, 'logs', 'events.log')
  const { writer } = await openWriter(t, path)
  const disturb: Array<() => void> = [
    () => { renameSync(path, `${path}.1`) },
    () => { rmSync(path) },
    () => { rmSync(join(directory, 'logs'), { recursive: true }) },
    () => { renameSync(path, `${path}.2`); writeFileSync(path, 'there already\n') }
  ]
  const expected = ['after 0\n', 'after 1\n', 'after 2\n', 'there already\nafter 3\n']

  for (const [i, disturbance] of disturb.entries()) {
    disturbance()
    await writer.flush()
    await writer.write(batch(`after ${i}`))
    await writer.flush()
    t.equal(read(path), expected[i])
  }
})

t.test('a file that logrotate copies and truncates goes on at its start', async t => {
  const path = join(t.testdir(), 'events.log')
  const { writer } = await openWriter(t, path)
  await writer.write(batch('before'))
  await writer.flush()

  truncateSync(path)
  await writer.write(batch('after'))
  await writer.flush()

  t.equal(read(path), 'after\n')
})

t.test('while the path cannot be opened anew, the old file is written', async t => {
  const directory = t.testdir({ logs: {} })
  const path = join(directory, 'logs', 'events.log')
  const { writer, ctx } = await openWriter(t, path, '?mkdir=false')

  renameSync(join(directory, 'logs'), join(directory, 'moved'))
  await writer.write(batch('one'))
  await writer.flush()
  await writer.write(batch('two'))
  await writer.flush()
  t.ok(says(ctx, 'the file cannot be opened anew; writing to the old one'))
  t.equal(read(join(directory, 'moved', 'events.log')), 'one\ntwo\n')

  mkdirSync(join(directory, 'logs'))
  await writer.flush()
  await writer.write(batch('three'))
  await writer.flush()
  t.equal(read(path), 'three\n')
})

t.test('a reload in the middle of writing tears nothing', async t => {
  const path = join(t.testdir(), 'events.log')
  const { writer, ctx } = await openWriter(t, path, '?fsync=never')
  const lines = Array.from({ length: 1000 }, (_, i) => `${i} ${'x'.repeat(500)}`)
  const rotated: string[] = []

  for (let round = 0; round < 20; round++) {
    const writing = writer.write(batch(...lines))
    renameSync(path, `${path}.${round}`)
    rotated.push(`${path}.${round}`)
    await Promise.all([writing, ctx.reload()])
  }
  await writer.close()

  const all = [...rotated, path].map(read).join('')
  t.equal(all, `${lines.join('\n')}\n`.repeat(20))
  t.ok([...rotated, path].every(file => !existsSync(`${file}.torn`)))
})

t.test('a full disk is waited for, and nothing is torn, lost or repeated', { skip: needsSmallDisk }, async t => {
  const disk = smallDisk(t, 256 << 10)
  const path = join(disk, 'events.log')
  writeFileSync(join(disk, 'ballast'), Buffer.alloc(200 << 10))
  const { writer, ctx } = await openWriter(t, path)
  const lines = Array.from({ length: 120 }, (_, i) => `${i} ${'x'.repeat(1000)}`)

  const writing = writer.write(batch(...lines))
  await until('it says so', () => says(ctx, 'the disk is full; waiting for room'))
  const meanwhile = read(path)
  t.ok(meanwhile.length > 0 && meanwhile.endsWith('\n'), 'the file ends with a whole line meanwhile')
  t.match(ctx.waits.get(`room on the disk of ${path}`), /no space/, 'people are told, and the watchdog')

  rmSync(join(disk, 'ballast'))
  await writing
  await writer.flush()

  t.equal(read(path), `${lines.join('\n')}\n`)
  t.ok(says(ctx, 'there is room again'))
  t.equal(ctx.waits.size, 0)
})

t.test('room that is made by removing the full file is used', { skip: needsSmallDisk }, async t => {
  const disk = smallDisk(t, 128 << 10)
  const path = join(disk, 'events.log')
  const { writer, ctx } = await openWriter(t, path)
  const lines = Array.from({ length: 200 }, (_, i) => `${i} ${'x'.repeat(1000)}`)
  const writing = writer.write(batch(...lines))
  await until('it says so', () => says(ctx, 'the disk is full; waiting for room'))
  const first = read(path)

  rmSync(path)
  await writing
  await writer.flush()

  t.equal(first + read(path), `${lines.join('\n')}\n`)
})

t.test('when told to stop, it gives a full disk up after a while', async t => {
  const { writer, ctx } = await openWriter(t, '/dev/full', '?grace=0')
  await writer.write(batch('one'))
  const flushing = writer.flush()
  await until('it waits', () => says(ctx, 'the disk is full; waiting for room'))

  ctx.abort()

  await t.rejects(flushing, { name: 'StreamError', code: 'no-space', message: /\/dev\/full/ })
})

t.test('while a disk is full, what is taken has a bound', async t => {
  const { writer, ctx } = await openWriter(t, '/dev/full', '?grace=0')
  const line = 'x'.repeat(64 << 10)
  let taken = 0
  const writing = (async () => {
    while (taken < 1000) {
      await writer.write(batch(line))
      taken++
      await nextTurn()
    }
  })()
  await until('it waits', () => says(ctx, 'the disk is full; waiting for room'))

  ctx.abort()

  await t.rejects(writing, { name: 'StreamError', code: 'no-space' })
  t.ok(taken * line.length <= 1 << 20, `${taken} batches were taken`)
})

t.test('a path that cannot be written is the operator\'s mistake', async t => {
  const directory = t.testdir({ file: 'x\n' })
  symlinkSync('loop', join(directory, 'loop'))
  for (const path of [directory, join(directory, 'file', 'below'), join(directory, 'loop'), join(directory, 'x'.repeat(300))]) {
    await t.rejects(openWriter(t, path), { name: 'ConfigError', message: /cannot be written.*name a file/ }, path)
  }
  await t.rejects(openWriter(t, join(directory, 'none', 'file'), '?mkdir=false'), { name: 'ConfigError' })
  t.throws(() => writers.check('file://var/log/events.log'), { name: 'ConfigError', message: /"var" stands where a host does/ })
  t.throws(() => writers.check('file:///var/log/'), { name: 'ConfigError', message: /directory/ })
  t.throws(() => writers.check('file:///x?fsync=always'), { name: 'ConfigError', message: /"always", must be one of flush, never/ })
})

/** One run of a daemon that writes the file: its batches have positions unless that is null. */
async function resume (t: Test, directory: string): Promise<{ ctx: TestContext, path: string, write: (line: string, position: string | null) => Promise<void>, save: () => Promise<void>, kill: () => void }> {
  const path = join(directory, 'events.log')
  const state = openState(join(directory, 'state'), 'writer')
  const ctx = testContext({ state })
  t.teardown(async () => { await ctx.end() })
  t.teardown(() => { state.close() })
  const writer = await writers.open(`file://${path}`, ctx)
  return {
    ctx,
    path,
    async write (line, position) {
      await writer.write(batchOfLines([line], position === null ? null : at(position)) as Batch)
      await until('it is in the file', () => read(path).endsWith(`${line}\n`))
    },
    async save () {
      await writer.flush()
      await ctx.save()
    },
    kill () { state.close() }
  }
}

t.test('what was written after the position of the input was saved is cut off, as it comes again', async t => {
  const directory = t.testdir()
  const first = await resume(t, directory)
  await first.write('one', '1')
  first.kill()
  const second = await resume(t, directory)
  await second.write('one', '1')
  t.equal(read(second.path), 'one\n', 'also before anything was saved')
  await second.save()
  await second.write('two', '2')
  await second.write('three', '3')
  second.kill()

  const third = await resume(t, directory)
  await third.write('two', '2')

  t.equal(read(third.path), 'one\ntwo\n')
  t.match(third.ctx.logged().filter(({ message }) => /cut back/.test(String(message))), [{ bytes: 10 }])
  await third.save()
  third.kill()
  const fourth = await resume(t, directory)
  await fourth.write('three', '3')
  t.equal(read(fourth.path), 'one\ntwo\nthree\n')
})

t.test('more than can come again is kept beside: the state is an old copy', async t => {
  const directory = t.testdir()
  const first = await resume(t, directory)
  await first.write('one', '1')
  await first.save()
  first.kill()
  appendFileSync(first.path, 'later\n')
  truncateSync(first.path, 130 << 20)
  appendFileSync(first.path, 'last\n')

  const second = await resume(t, directory)
  await second.write('two', '2')

  t.equal(read(second.path), 'one\ntwo\n')
  const [line] = second.ctx.logged().filter(({ message }) => /is kept beside it$/.test(String(message)))
  const kept = readFileSync(String(line?.['kept']))
  t.match(line, { level: 'warn', bytes: kept.length })
  t.equal(kept.length, (130 << 20) - 4 + 5)
  t.equal(kept.subarray(0, 6).toString() + kept.subarray(-5).toString(), 'later\nlast\n')
})

t.test('a file that was rotated away in between is cut off as well, and so is its successor', async t => {
  const directory = t.testdir()
  const first = await resume(t, directory)
  await first.write('one', '1')
  await first.save()
  await first.write('two', '2')
  renameSync(first.path, `${first.path}.1`)
  await first.ctx.reload()
  await first.write('three', '3')
  first.kill()

  const second = await resume(t, directory)
  await second.write('two', '2')

  t.equal(read(`${second.path}.1`), 'one\n')
  t.equal(read(second.path), 'two\n')
  await second.save()
  second.kill()
  rmSync(second.path)
  const third = await resume(t, directory)
  await third.write('three', '3')
  t.equal(read(third.path), 'three\n')
  t.ok(says(third.ctx, 'the file that was written last is not here; some records may be there twice'))
})

t.test('what came of input without positions is never cut off', async t => {
  const directory = t.testdir()
  const first = await resume(t, directory)
  await first.write('one', '1')
  await first.save()
  first.kill()
  const second = await resume(t, directory)
  await second.write('plain', null)
  await second.save()
  second.kill()
  const third = await resume(t, directory)
  await third.write('two', '2')
  await third.write('mixed', null)
  await third.write('three', '3')
  await third.save()
  third.kill()

  const fourth = await resume(t, directory)
  await fourth.write('four', '4')
  t.equal(read(fourth.path), 'one\nplain\ntwo\nmixed\nthree\nfour\n')
})

t.test('another file that got the inode of the marked one is not touched', async t => {
  const directory = t.testdir()
  const first = await resume(t, directory)
  await first.write('one', '1')
  await first.save()
  first.kill()
  // the inode stays, the content is another's
  writeFileSync(first.path, 'somebody else\nwrote this\n')

  const second = await resume(t, directory)
  await second.write('two', '2')

  t.equal(read(second.path), 'somebody else\nwrote this\ntwo\n')
  t.ok(says(second.ctx, 'the file that was written last is not here; some records may be there twice'))
})
