import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, readFileSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import type { Summary } from '../../tools/merge/summary.js'
import { executable } from '../helpers/daemon.js'
import { shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

/** Of which the logs have 5.25 million lines. */
const events = 3_000_000
const mostBytes = 300 << 20

// one length, so that neither making nor checking them takes long: both need only put digits into, and read them from, known places
const template = Buffer.from(`{"uuid":"${'0'.repeat(32)}","timestamp":1400000000,"clientIp":"a","n":"00000000"}\n`)
const [uuidAt, timeAt, hostAt, numberAt] = [9, template.indexOf('14000'), template.indexOf('"a"') + 1, template.lastIndexOf('00000000')]
const digits = Buffer.from('0123456789abcdef')

/** Well mixed 32 bits (the finisher of MurmurHash3). */
function mix (n: number): number {
  let h = n ^ (n >>> 16)
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** Which host has an event: of sixteen, thirteen are on both, one on each alone, and one on neither. */
function has (host: number, n: number): boolean {
  const share = mix(n + 1_000_000_007) % 16
  return share > 2 || share === host
}

/** The line of an event at `at`: twenty in a second. */
function putLine (into: Buffer, at: number, n: number, host: number): void {
  template.copy(into, at)
  putDigits(into, at + uuidAt, mix(n), 8, 16)
  putDigits(into, at + uuidAt + 24, n, 8, 16)
  putDigits(into, at + timeAt, 1_400_000_000 + Math.floor(n / 20), 10, 10)
  putDigits(into, at + numberAt, n, 8, 10)
  into[at + hostAt] = 0x61 + host
}

function putDigits (into: Buffer, at: number, value: number, length: number, base: number): void {
  let rest = value
  for (let i = length - 1; i >= 0; i--) {
    into[at + i] = digits[rest % base] as number
    rest = Math.floor(rest / base)
  }
}

/** Events of a host, not quite in order: each hundred thousand backwards. Returns how many it has. */
function writeHost (path: string, host: number): number {
  const fd = openSync(path, 'w')
  const stretch = 100_000
  const buffer = Buffer.alloc(stretch * template.length)
  let lines = 0
  for (let start = 0; start < events; start += stretch) {
    let end = 0
    for (let n = start + stretch - 1; n >= start; n--) {
      if (!has(host, n)) continue
      putLine(buffer, end, n, host)
      end += template.length
      lines++
    }
    writeSync(fd, buffer, 0, end)
  }
  closeSync(fd)
  return lines
}

/** Looks whether each line is that of an event, later than the one before it, of the first host that has it. Returns how many there are, and what is wrong. */
function checkOutput (path: string): { count: number, problem: string | null } {
  const fd = openSync(path, 'r')
  const buffer = Buffer.alloc(20_000 * template.length)
  const expected = Buffer.alloc(template.length)
  let [count, lastTime, lastUuid] = [0, 0, 0]
  try {
    for (let read = readSync(fd, buffer); read > 0; read = readSync(fd, buffer)) {
      for (let at = 0; at < read; at += template.length) {
        let n = 0
        for (let i = 0; i < 8; i++) n = n * 10 + (buffer[at + numberAt + i] as number) - 0x30
        if (!(n >= 0 && n < events)) return { count, problem: `line ${count} is of no event` }
        putLine(expected, 0, n, has(0, n) ? 0 : 1)
        if (buffer.compare(expected, 0, template.length, at, at + template.length) !== 0) return { count, problem: `line ${count} is not that of event ${n}: ${buffer.toString('latin1', at, at + template.length)}` }
        const [time, uuid] = [Math.floor(n / 20), mix(n)]
        if (count > 0 && (time < lastTime || (time === lastTime && uuid <= lastUuid))) return { count, problem: `line ${count} is not after the one before it` }
        count++
        lastTime = time
        lastUuid = uuid
      }
    }
    return { count, problem: null }
  } finally {
    closeSync(fd)
  }
}

/** The most that a process has had in memory (proc(5)); 0 when it is gone. */
function peakBytes (pid: number | undefined): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(join('/proc', String(pid), 'status'), 'utf8'))?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}

t.test('more than five million lines of two hosts with random gaps become one exact file, in less than 300 MB of memory', async t => {
  const directory = shortDirectory(t)
  const logs = ['a', 'b'].map(host => {
    mkdirSync(join(directory, host))
    return join(directory, host, 'events.log')
  })
  const lines = logs.map(writeHost)
  let [both, any] = [0, 0]
  for (let n = 0; n < events; n++) {
    const [a, b] = [has(0, n), has(1, n)]
    if (a && b) both++
    if (a || b) any++
  }
  const output = join(directory, 'merged.log')

  const started = performance.now()
  const child = spawn(process.execPath, [executable, 'merge', ...logs, '--output', output, '--json', '--log-level', 'error'], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => { child.kill('SIGKILL') })
  const printed = text(child.stdout)
  const ended = once(child, 'close')
  let peak = 0
  await until('it is done', () => {
    peak = Math.max(peak, peakBytes(child.pid))
    return child.exitCode !== null || child.signalCode !== null
  }, 330_000, 50)
  await ended
  const seconds = (performance.now() - started) / 1000

  t.comment(`${(lines[0] ?? 0) + (lines[1] ?? 0)} lines in ${seconds.toFixed(1)} s; at most ${Math.round(peak / (1 << 20))} MiB`)
  t.equal(child.exitCode, 0)
  t.ok((lines[0] ?? 0) + (lines[1] ?? 0) >= 5_000_000)
  t.strictSame(checkOutput(output), { count: any, problem: null })
  const { written, events: found, inAll, differ, hosts } = JSON.parse(await printed) as Summary
  t.strictSame({ written, found, inAll, differ }, { written: any, found: any, inAll: both, differ: { lines: both, fields: { clientIp: both } } })
  t.strictSame(hosts.map(({ lines, events, duplicates, missing }) => ({ lines, events, duplicates, missing })), lines.map(count => ({ lines: count, events: count, duplicates: 0, missing: any - count })))
  t.ok(peak > 50 << 20, 'it was measured')
  t.ok(peak < mostBytes, 'it is small')
})
