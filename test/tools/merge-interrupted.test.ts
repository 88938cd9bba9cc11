import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, readdirSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { executable } from '../helpers/daemon.js'
import { eventOf, runMerge, writeLog } from '../helpers/merge-command.js'
import { needsSmallDisk, smallDisk } from '../helpers/small-disk.js'
import { shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

const lines = 16_000
/** Of each event; nothing compresses them well, so that it takes some time to write them. */
const textBytes = 1500

/** Two logs that take some seconds. */
function largeLogs (t: Test): string[] {
  const directory = shortDirectory(t)
  const texts = Array.from({ length: lines }, () => randomBytes(textBytes / 2).toString('hex'))
  return ['a', 'b'].map(host => {
    mkdirSync(join(directory, host))
    return writeLog(join(directory, host, 'events.log'), texts.map((text, n) => eventOf(n, host, { text })))
  })
}

/** Sizes of the files without a name that a process has open in a directory. */
function namelessIn (directory: string, pid: number | undefined): number[] {
  const descriptors = join('/proc', String(pid), 'fd')
  try {
    return readdirSync(descriptors).map(fd => join(descriptors, fd)).filter(path => readlinkSync(path).startsWith(`${directory}/`)).map(path => statSync(path).size)
  } catch {
    // one was closed meanwhile, or all
    return []
  }
}

async function start (t: Test, ...args: string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, [executable, 'merge', ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  child.stderr?.resume()
  t.teardown(() => { child.kill('SIGKILL') })
  await once(child, 'spawn')
  return child
}

const logs = largeLogs(t)

for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
  for (const [when, bytes] of [['temporary files are written', 1 << 20], ['the output is written', 1 << 20]] as const) {
    t.test(`${signal} while ${when} leaves nothing`, async t => {
      const [directory, temporary] = [shortDirectory(t), shortDirectory(t)]
      const child = await start(t, ...logs, '--output', join(directory, 'merged.log.gz'), '--temporary', temporary)
      const place = when === 'the output is written' ? directory : temporary
      await until(when, () => {
        if (child.exitCode !== null) throw new Error('it was done before that was seen')
        return namelessIn(place, child.pid).some(size => size >= bytes)
      }, 60_000, 2)
      const ended = once(child, 'exit')
      child.kill(signal)

      t.strictSame(await ended, signal === 'SIGKILL' ? [null, 'SIGKILL'] : [1, null])
      t.strictSame([readdirSync(directory), readdirSync(temporary)], [[], []])
    })
  }
}

t.test('standard output that is a file is whole, or the merge has failed', { skip: needsSmallDisk }, async t => {
  // the last piece that is written finds room for its beginning only
  const bytes = statSync(logs[0] as string).size
  const [small, large] = [bytes - (64 << 10), bytes + (1 << 20)].map(size => join(smallDisk(t, size), 'merged.log')) as [string, string]
  const merged = async (path: string): Promise<{ code: number | null, errors: string }> => {
    const out = openSync(path, 'a')
    const child = spawn(process.execPath, [executable, 'merge', ...logs, '--temporary', shortDirectory(t)], { stdio: ['ignore', out, 'pipe'] })
    closeSync(out)
    const errors = text(child.stderr as Readable)
    const [code] = await once(child, 'close') as [number | null]
    return { code, errors: await errors }
  }

  t.match(await merged(small), { code: 1, errors: /standard output cannot be written: ENOSPC.*make room and begin again.*"code":"no-space"/ })
  t.match(await merged(large), { code: 0 })
  t.equal(statSync(large).size, bytes)
})

t.test('a disk that is full is named, and nothing is left', { skip: needsSmallDisk }, async t => {
  const [small, room] = [smallDisk(t, 20 << 20), shortDirectory(t)]
  const ofTemporary = await runMerge(...logs, '--output', join(room, 'merged.log'), '--temporary', small)
  const ofOutput = await runMerge(...logs, '--output', join(small, 'merged.log'), '--temporary', room)
  const ofGzipped = await runMerge(...logs, '--output', join(smallDisk(t, 256 << 10), 'merged.log.gz'), '--temporary', room)

  for (const [result, message] of [
    [ofTemporary, new RegExp(`there is no room for temporary files in ${small}: ENOSPC.*about as much is needed as all lines have, decompressed, and 100 bytes for each, above 8 GB twice that: make room, or name another directory with --temporary.*"code":"no-space"`)],
    [ofOutput, new RegExp(`${small}/merged\\.log cannot be written: ENOSPC.*make room and begin again.*"code":"no-space"`)],
    [ofGzipped, /merged\.log\.gz cannot be written: ENOSPC.*"code":"no-space"/]
  ] as const) {
    t.equal(result.code, 1)
    t.match(result.errors, message)
    t.equal(result.printed, '')
  }
  t.strictSame([readdirSync(small), readdirSync(room)], [[], []])
  t.match(await runMerge(...logs, '--output', join(room, 'merged.log')), { code: 0 }, 'with room it is done')
  t.strictSame(readdirSync(room), ['merged.log'])
})
