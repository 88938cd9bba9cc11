import { execFileSync } from 'node:child_process'
import { appendFileSync, copyFileSync, mkdirSync, readdirSync, readlinkSync, renameSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { fileReader } from '../../lib/readers/file.js'
import type { Context, Reader } from '../../lib/stream/contracts.js'
import { Schemes } from '../../lib/stream/schemes.js'
import { testContext, type TestContext } from '../helpers/context.js'
import { pull, type Puller } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

const readers = new Schemes<Reader>('reader').add(fileReader)
const fast = 'poll-interval=10'

interface Run {
  readonly reader: Reader
  readonly input: Puller
  readonly ctx: TestContext
  /** Commits what was taken last, and stops. */
  end (): Promise<string[]>
}

/** One run of a daemon; those with the same `state` know of each other. */
async function run (t: Test, uri: string, { state }: Partial<Context> = {}): Promise<Run> {
  const ctx = testContext(state === undefined ? {} : { state })
  t.teardown(async () => { await ctx.end() })
  const reader = await readers.open(uri, ctx)
  t.teardown(async () => { await reader.close() })
  const input = pull(reader)
  return {
    reader,
    input,
    ctx,
    async end () {
      const position = input.batches.at(-1)?.position
      if (position != null) await reader.commit(position)
      await ctx.save()
      ctx.abort()
      const rest = await input.rest()
      await reader.close()
      return rest
    }
  }
}

/** A daemon's memory, which outlives its runs. */
function memory (t: Test): Pick<Context, 'state'> {
  const ctx = testContext()
  t.teardown(async () => { await ctx.end() })
  return { state: ctx.state }
}

function numbered (from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => `record ${from + i}`)
}

function linesOf (from: number, to: number): string {
  return numbered(from, to).map(record => `${record}\n`).join('')
}

function openFilesUnder (directory: string): string[] {
  return readdirSync('/proc/self/fd').flatMap(fd => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)]
    } catch {
      return []
    }
  }).filter(path => path.startsWith(directory))
}

t.test('a file is read to its end, in order, and the last line needs no newline', async t => {
  const path = join(t.testdir(), 'a file')
  writeFileSync(path, `\n${linesOf(0, 100_000)}\r\nŽluťoučký 🐎`)

  const { input } = await run(t, `file://${encodeURI(path)}`)

  t.strictSame(await input.rest(), [...numbered(0, 100_000), 'Žluťoučký 🐎'])
  t.ok(input.batches.every(({ position, payload }) => position === null && payload.length < 100_000))
})

t.test('an empty file has no records', async t => {
  const { input } = await run(t, `file://${join(t.testdir({ empty: '', lines: '\n\r\n\n' }), 'empty')}`)
  t.strictSame(await input.rest(), [])

  const { input: lines } = await run(t, `file://${join(t.testdirName, 'lines')}`)
  t.strictSame(await lines.rest(), [])
})

t.test('a .gz file of several members is decompressed as it is read', async t => {
  const path = join(t.testdir(), 'lines.gz')
  writeFileSync(path, Buffer.concat([gzipSync(`${linesOf(0, 100_000)}record `), gzipSync(linesOf(100_000, 100_001).slice(7)), gzipSync(''), gzipSync('end')]))

  const { input } = await run(t, `file://${path}`)

  t.strictSame(await input.rest(), [...numbered(0, 100_001), 'end'])
})

t.test('of a .gz file that breaks off everything before the break is given, then an error', async t => {
  const path = join(t.testdir(), 'lines.gz')
  const whole = gzipSync(linesOf(0, 100_000), { level: 1 })
  writeFileSync(path, whole.subarray(0, whole.length - 9))

  const { input } = await run(t, `file://${path}`)

  await t.rejects(input.rest(), { name: 'StreamError', code: 'cannot-read', message: /lines\.gz cannot be read: unexpected end of file/, cause: { code: 'Z_BUF_ERROR' } })
  t.strictSame(input.batches.flatMap(batch => batch.lines()), numbered(0, 100_000))
})

t.test('what a broken .gz file holds is not lost to a consumer that takes its time', async t => {
  const path = join(t.testdir(), 'lines.gz')
  const whole = gzipSync(linesOf(0, 6000))
  writeFileSync(path, whole.subarray(0, whole.length - 9))
  const { input } = await run(t, `file://${path}`)
  await input.take(1)

  const due = Date.now() + 100
  await until('everything could have been read ahead', () => Date.now() > due)

  await t.rejects(input.rest(), { code: 'cannot-read' })
  t.equal(input.batches.flatMap(batch => batch.lines()).length, 6000, 'those that fit into a buffer behind the first chunk too')
})

t.test('a .gz file that is none is an error', async t => {
  const { input } = await run(t, `file://${join(t.testdir({ 'lines.gz': 'plain text\n' }), 'lines.gz')}`)

  await t.rejects(input.rest(), { name: 'StreamError', code: 'cannot-read', message: /incorrect header/ })
})

t.test('what cannot be read is the operator\'s mistake, and named', async t => {
  const directory = t.testdir({ file: '' })
  execFileSync('mkfifo', [join(directory, 'pipe')])
  for (const [name, reason] of [['missing', /ENOENT/], ['', /no regular file/], ['pipe', /no regular file.*stdin:/], ['file/below', /ENOTDIR/]] as const) {
    await t.rejects(run(t, `file://${join(directory, name)}`), { name: 'ConfigError', code: 'bad-uri', message: reason }, name)
  }
  await t.rejects(run(t, `file://${directory}?follow=true`), { name: 'ConfigError', message: /no regular file/ })
})

t.test('options and URIs that make no sense are refused', async t => {
  for (const [uri, reason] of [
    ['file:///x.gz?follow=true', /"follow".*\.gz/], ['file:///x.gz?resume=true', /"resume".*\.gz/], ['file://x', /path is missing/], ['file://var/log/x', /"var".*host/],
    ['file:///x?from=middle', /must be one of start, end/], ['file:///x?poll-interval=1', /poll-interval/], ['file:///x?max-line=1', /max-line/], ['file:///x?tail=true', /unknown option "tail"/]
  ] as const) {
    t.throws(() => readers.check(uri), { name: 'ConfigError', code: 'bad-uri', message: reason }, uri)
  }
  for (const example of fileReader.examples) t.doesNotThrow(() => readers.check(example))
})

t.test('a followed file is read as it grows, and an unfinished line waits for its newline', async t => {
  const path = join(t.testdir({ log: linesOf(0, 3) }), 'log')
  const { input, end } = await run(t, `file://${path}?follow=true&${fast}`)
  t.strictSame(await input.take(3), numbered(0, 3))

  appendFileSync(path, 'record 3\nreco')
  t.strictSame(await input.take(1), ['record 3'])
  appendFileSync(path, 'rd 4')
  appendFileSync(path, '\n')

  t.strictSame(await input.take(1), ['record 4'])
  appendFileSync(path, 'unfinished')
  t.strictSame(await end(), [])
})

t.test('a followed file may be yet to come', async t => {
  const path = join(t.testdir(), 'below', 'log')
  const { input, ctx } = await run(t, `file://${path}?follow=true&from=end&${fast}`)
  const taken = input.take(2)
  await until('it waits', () => ctx.logged().some(line => line['message'] === 'waiting for the file to appear'))

  mkdirSync(join(path, '..'))
  writeFileSync(path, linesOf(0, 2))

  t.strictSame(await taken, numbered(0, 2), 'all of it is new, though it is to be read from its end')
})

t.test('from=end begins behind the last whole line', async t => {
  const path = join(t.testdir({ log: 'old\nhalf of a' }), 'log')
  const { input, ctx } = await run(t, `file://${path}?follow=true&from=end&${fast}`)
  const taken = input.take(2)
  await until('it is open', () => ctx.logged().some(line => line['message'] === 'following'))

  appendFileSync(path, ' line\nnew\n')

  t.strictSame(await taken, ['half of a line', 'new'])
  ctx.abort()
})

t.test('a file that is renamed and made anew is followed, with what its writer adds before it changes over', async t => {
  const path = join(t.testdir({ log: linesOf(0, 10) }), 'log')
  const { input } = await run(t, `file://${path}?follow=true&${fast}`)
  await input.take(10)

  renameSync(path, `${path}.1`)
  writeFileSync(path, '')
  appendFileSync(`${path}.1`, linesOf(10, 20))
  t.strictSame(await input.take(10), numbered(10, 20))
  appendFileSync(`${path}.1`, 'the last line has no newline')
  appendFileSync(path, linesOf(20, 30))

  t.strictSame(await input.take(11), ['the last line has no newline', ...numbered(20, 30)])
})

t.test('rotations that come faster than it looks are followed one by one', async t => {
  const path = join(t.testdir({ log: linesOf(0, 10) }), 'log')
  const { input } = await run(t, `file://${path}?follow=true&poll-interval=300`)
  await input.take(10)

  for (let i = 1; i <= 12; i++) {
    for (let k = i - 1; k > 0; k--) renameSync(`${path}.${k}`, `${path}.${k + 1}`)
    renameSync(path, `${path}.1`)
    writeFileSync(path, linesOf(i * 10, i * 10 + 10))
  }

  t.strictSame(await input.take(120), numbered(10, 130))
})

t.test('rotated names with dates are taken in the order of the dates', async t => {
  const state = memory(t)
  const path = join(t.testdir({ log: linesOf(0, 10) }), 'log')
  const first = await run(t, `file://${path}?follow=true&${fast}`, state)
  await first.input.take(10)
  await first.end()

  for (const [i, date] of ['20131231', '20140101', '20140102'].entries()) {
    renameSync(path, `${path}-${date}`)
    writeFileSync(path, linesOf(10 * (i + 1), 10 * (i + 2)))
  }
  writeFileSync(`${path}-20130101.gz`, gzipSync('not this'))
  writeFileSync(`${path}-old`, 'nor this\n')

  const second = await run(t, `file://${path}?follow=true&${fast}`, state)
  t.strictSame(await second.input.take(30), numbered(10, 40))
})

t.test('after a copytruncate the copy is finished first, also when the file has grown beyond its old size by then', async t => {
  for (const [copied, added] of [[10, 3], [20, 3], [20, 1000]] as const) {
    const path = join(t.testdir({ log: linesOf(0, 10) }), 'log')
    const { input, end } = await run(t, `file://${path}?follow=true&${fast}`)
    await input.take(10)
    const due = Date.now() + 20
    await until('it is due to look', () => Date.now() > due)

    if (copied > 10) appendFileSync(path, linesOf(10, copied))
    copyFileSync(path, `${path}.1`)
    truncateSync(path)
    appendFileSync(path, linesOf(copied, copied + added))

    t.strictSame(await input.take(copied - 10 + added), numbered(10, copied + added), `${copied}, then ${added}`)
    await end()
  }
})

t.test('a file that is truncated without a copy is read from its start, with a warning', async t => {
  const path = join(t.testdir({ log: `${linesOf(0, 10)}unfinished` }), 'log')
  const { input, ctx } = await run(t, `file://${path}?follow=true&${fast}`)
  await input.take(10)

  writeFileSync(path, linesOf(10, 12))

  t.strictSame(await input.take(2), numbered(10, 12))
  t.match(ctx.logged().find(line => line['level'] === 'warn'), { message: /truncated/, path, offset: linesOf(0, 10).length })
})

t.test('after a restart it goes on behind what was committed', async t => {
  const state = memory(t)
  const path = join(t.testdir({ log: `${linesOf(0, 10)}rec` }), 'log')
  const uri = `file://${path}?follow=true&${fast}`
  const first = await run(t, uri, state)
  t.strictSame(await first.input.take(10), numbered(0, 10))
  await first.end()

  appendFileSync(path, `ord 10\n${linesOf(11, 20)}`)
  const second = await run(t, `${uri}&from=end`, state)
  t.strictSame(await second.input.take(10), numbered(10, 20))
  second.ctx.abort()
  await second.input.rest()

  const third = await run(t, uri, state)
  t.strictSame(await third.input.take(10), numbered(10, 20), 'what was not committed comes again')
})

t.test('after a restart it finishes the file that was rotated away meanwhile', async t => {
  for (const rotations of [1, 2, 3]) {
    const state = memory(t)
    const path = join(t.testdir({ log: linesOf(0, 10) }), 'log')
    const uri = `file://${path}?follow=true&${fast}`
    const first = await run(t, uri, state)
    await first.input.take(10)
    await first.end()

    appendFileSync(path, linesOf(10, 20))
    for (let i = 1; i <= rotations; i++) {
      for (let k = i - 1; k > 0; k--) renameSync(`${path}.${k}`, `${path}.${k + 1}`)
      renameSync(path, `${path}.1`)
      writeFileSync(path, linesOf(10 + 10 * i, 20 + 10 * i))
    }

    const second = await run(t, uri, state)
    t.strictSame(await second.input.take(10 + 10 * rotations), numbered(10, 20 + 10 * rotations))
    t.notOk(second.ctx.logged().some(line => line['level'] === 'warn'))
    await second.end()
  }
})

t.test('after a restart it finishes the copy of a file that was truncated meanwhile', async t => {
  const state = memory(t)
  const path = join(t.testdir({ log: linesOf(0, 10) }), 'log')
  const uri = `file://${path}?follow=true&${fast}`
  const first = await run(t, uri, state)
  await first.input.take(10)
  await first.end()

  appendFileSync(path, linesOf(10, 15))
  copyFileSync(path, `${path}.1`)
  writeFileSync(path, linesOf(15, 500))

  const second = await run(t, uri, state)
  t.strictSame(await second.input.take(490), numbered(10, 500))
})

t.test('when the file of the position is gone it begins with the new one, and says what may be missed', async t => {
  const state = memory(t)
  const path = join(t.testdir({ log: linesOf(0, 10) }), 'log')
  const uri = `file://${path}?follow=true&from=end&${fast}`
  const { inode } = { inode: String(statSync(path, { bigint: true }).ino) }
  const first = await run(t, uri.replace('&from=end', ''), state)
  await first.input.take(10)
  await first.end()

  // a new file with the old inode, which a deleted file often leaves to its successor
  writeFileSync(path, linesOf(500, 600))

  const second = await run(t, uri, state)
  t.strictSame(await second.input.take(100), numbered(500, 600))
  t.match(second.ctx.logged().find(line => line['level'] === 'warn'), { message: /gone/, path, inode, offset: linesOf(0, 10).length })
})

t.test('resume=true goes on in the same file, and starts over in another', async t => {
  const state = memory(t)
  const path = join(t.testdir({ log: linesOf(0, 10) }), 'log')
  const uri = `file://${path}?resume=true`
  const first = await run(t, uri, state)
  t.strictSame(await first.input.rest(), numbered(0, 10))
  await first.end()

  appendFileSync(path, `${linesOf(10, 20)}no newline`)
  const second = await run(t, uri, state)
  t.strictSame(await second.input.rest(), [...numbered(10, 20), 'no newline'])
  await second.end()
  const third = await run(t, uri, state)
  t.strictSame(await third.input.rest(), [])

  writeFileSync(path, linesOf(100, 200))
  const fourth = await run(t, uri, state)
  t.strictSame(await fourth.input.rest(), numbered(100, 200))
  t.match(fourth.ctx.logged().find(line => line['level'] === 'warn'), { path })
  const plain = await run(t, `file://${path}`, state)
  t.strictSame(await plain.input.rest(), numbered(100, 200), 'without the option it starts at the start')
})

t.test('a line that is too long is cut and counted, and the position is behind it', async t => {
  const state = memory(t)
  const path = join(t.testdir({ log: `${'x'.repeat(200_000)}\n` }), 'log')
  const uri = `file://${path}?follow=true&max-line=1024&${fast}`
  const first = await run(t, uri, state)
  t.strictSame(await first.input.take(1), ['x'.repeat(1024)])
  t.equal(first.ctx.metrics.count('truncated'), 1)
  await first.end()

  appendFileSync(path, 'next\n')
  const second = await run(t, uri, state)
  t.strictSame(await second.input.take(1), ['next'])
})

t.test('the stop ends it at once, however seldom it looks, and closes what it had open', { skip: process.platform === 'linux' ? false : 'needs /proc/self/fd' }, async t => {
  const directory = t.testdir({ log: linesOf(0, 2) })
  for (const uri of [`file://${directory}/log?follow=true&poll-interval=60000`, `file://${directory}/later?follow=true&poll-interval=60000`, `file://${directory}/log`]) {
    const { input, ctx } = await run(t, uri)
    if (uri.includes('log')) await input.take(2)
    const rest = input.rest()

    ctx.abort()

    t.strictSame(await rest, [])
    t.strictSame(openFilesUnder(directory), [])
  }
})

t.test('closing ends a consumer that waits, and can be repeated', async t => {
  const { reader, input } = await run(t, `file://${join(t.testdir({ log: '' }), 'log')}?follow=true&poll-interval=60000`)
  const rest = input.rest()

  await reader.close()
  await reader.close()

  t.strictSame(await rest, [])
})
