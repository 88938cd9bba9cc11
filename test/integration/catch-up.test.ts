import { appendFileSync, closeSync, openSync, readFileSync, readSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { startDaemon, startReady, type Daemon } from '../helpers/daemon.js'
import { shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

const missed = 500_000
const mostMemory = 300e6
/** Bytes of a record and its newline: who held all that was missed in memory, 256 MB beside 80 for itself, would be found out. */
const recordBytes = 512
/** Under load, in milliseconds. */
const deadlineMs = 100_000
/** While one catches up: about 5,000 records a second, a fraction of what a publisher can. */
const portion = 100
const portionMs = 20

function recordsFrom (first: number, count: number): string {
  return Array.from({ length: count }, (_, i) => `${first + i} `.padEnd(recordBytes - 1, 'x') + '\n').join('')
}

/** Records in a file. */
function reached (file: string): number {
  return (statSync(file, { throwIfNoEntry: false })?.size ?? 0) / recordBytes
}

/** The number of the first record that is not the one which belongs there; null if all are. */
function firstWrong (file: string): number | null {
  const fd = openSync(file, 'r')
  try {
    const chunk = Buffer.alloc(recordBytes * 1000)
    for (let first = 0; ; first += 1000) {
      const length = readSync(fd, chunk)
      if (!chunk.subarray(0, length).equals(Buffer.from(recordsFrom(first, length / recordBytes)))) return first
      if (length < chunk.length) return null
    }
  } finally {
    closeSync(fd)
  }
}

/** The most memory that the process ever had. */
function peakBytes ({ child }: Daemon): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) * 1024
}

/** Resolves when the publisher keeps records for that subscriber, beginning with number `next`. */
async function registered (directory: string, subscriber: string, next: number): Promise<void> {
  const db = new Database(join(directory, 'forwarder-forwarder.sqlite'), { readonly: true })
  try {
    const known = db.prepare<[string], { next: number }>('SELECT next FROM journal_subscriber WHERE subscriber = ?')
    await until(`${subscriber} has committed`, () => known.get(subscriber)?.next === next)
  } finally {
    db.close()
  }
}

/** Resolves with the part of the records offered until `is` that also arrived until then. */
async function shareArrived (what: string, offered: () => number, arrived: () => number, is: () => boolean): Promise<number> {
  const [offeredBefore, arrivedBefore] = [offered(), arrived()]
  await until(what, is, deadlineMs)
  return (arrived() - arrivedBefore) / (offered() - offeredBefore)
}

// seen to fail when a replay is answered with all there is (677 MB), and when nothing is published while replays are asked for (0.49)
t.test('a subscriber that was away for 500,000 records catches up under traffic, in little memory; the others get theirs meanwhile', async t => {
  const directory = shortDirectory(t)
  const [lines, live, late] = ['lines.log', 'live.log', 'late.log'].map(name => join(directory, name)) as [string, string, string]
  writeFileSync(lines, '')
  let written = 0
  const append = (count: number): void => {
    appendFileSync(lines, recordsFrom(written, count))
    written += count
  }
  const publisher = await startReady(t, 'forwarder', '--state', directory, '--input', `file://${lines}?follow=true&poll-interval=10`, '--output', 'tcp://127.0.0.1:0?journal=all')
  const { endpoint } = await publisher.logged(line => line['uri'] === 'tcp://127.0.0.1:0?journal=all' && line.message === 'listening')
  const consume = (name: string, file: string): Daemon => startDaemon(t, 'consumer', '--state', directory, '--name', name, '--flush-interval', '0.1', '--input', `${String(endpoint)}?as=${name}`, '--output', `file://${file}?fsync=never`)
  t.teardown(() => { if (!t.passing()) t.comment(written, reached(live), reached(late), JSON.stringify([publisher, other].map(({ log }) => log.slice(-6)))) })
  const other = consume('live', live)
  const first = consume('late', late)
  for (const name of ['live', 'late']) await registered(directory, name, 0)
  append(1000)
  await registered(directory, 'late', written)
  t.equal(await first.stop(), 0)

  for (const end = written + missed; written < end;) append(5000)
  await until('the other one has all that was missed', () => reached(live) === written, deadlineMs)
  const traffic = setInterval(() => { append(portion) }, portionMs)
  t.teardown(() => { clearInterval(traffic) })
  const share = async (what: string, is: () => boolean): Promise<number> => await shareArrived(what, () => written, () => reached(live), is)
  const steady = written + 5000
  const before = await share('there is steady traffic', () => written >= steady)
  const missing = written
  const again = consume('late', late)
  const during = await share('it has caught up', () => reached(late) >= missing)
  clearInterval(traffic)

  await until('both have all', () => reached(live) >= written && reached(late) >= written, deadlineMs)
  t.ok(during >= before / 2, `of what was offered ${during.toFixed(2)} arrived elsewhere meanwhile, and ${before.toFixed(2)} before`)
  for (const daemon of [publisher, other, again]) t.ok(peakBytes(daemon) < mostMemory, `${Math.round(peakBytes(daemon) / 1e6)} MB`)
  for (const daemon of [other, again, publisher]) t.equal(await daemon.stop(), 0)
  for (const file of [live, late]) t.same({ records: reached(file), wrong: firstWrong(file) }, { records: written, wrong: null })
  const { replayed } = (await again.logged('stopped'))['counts'] as { replayed: number }
  t.ok(replayed >= missed, `${replayed} came from the journal`)
  for (const { log } of [publisher, other, again]) t.same(log.filter(({ level }) => level === 'error'), [])
})
