import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { stablePort } from '../test/helpers/ports.js'
import { projectRoot } from '../test/helpers/shared.js'
import { startStatsd } from '../test/helpers/statsd.js'
import { until } from '../test/helpers/wait.js'
import { cpuSeconds, peakBytes } from './cpu.js'
import { daemon, stopped } from './daemon.js'
import { thousands, type Measurement } from './measure.js'

const perSecond = 50_000
/** Half a core, in milliseconds a second. */
const allowedMs = 500
/** The engine translates what it runs often, and what was published before is fetched. */
const warmMs = 3000

type Arrangement = 'journaled' | 'plain'

interface Result {
  /** CPU time for the records of a second; a feed that is held up sends fewer. */
  readonly cpuMs: number
  readonly rate: number
  readonly memoryMb: number
}

/**
 * The monitor as a daemon, with four journaled streams as in `etc/vanadium.d`: half the records are lines and half events, one in a
 * hundred of those invalid; and the same of plain streams, a message a record. What it takes of a processor, against half of one. At the
 * end a real StatsD must have been told of every record.
 */
export async function benchMonitor (_directory: string, records: number, rounds: number): Promise<Measurement> {
  const results: Record<Arrangement, Result[]> = { journaled: [], plain: [] }
  for (let round = 1; round <= rounds; round++) {
    for (const arrangement of ['journaled', 'plain'] as const) {
      const result = await count(arrangement, records / perSecond)
      process.stderr.write(`  round ${round} of ${rounds}: ${textOf(arrangement, result)}\n`)
      results[arrangement].push(result)
    }
  }
  const [journaled, plain] = [median(results.journaled), median(results.plain)]
  return {
    what: 'monitor, 50,000 records/s',
    rate: journaled.cpuMs,
    reference: allowedMs,
    referenceIs: 'half a core; the ratio is how often it goes into it',
    unit: 'ms',
    floor: 1,
    aim: 2,
    notes: `monitor, CPU time: ${textOf('journaled', journaled)}; ${textOf('plain', plain)}.`
  }
}

async function count (arrangement: Arrangement, seconds: number): Promise<Result> {
  const directory = mkdtempSync(join(tmpdir(), 'vanadium-bench-'))
  const releases: Array<() => Promise<void> | void> = []
  try {
    const statsd = await startStatsd({ teardown: release => releases.push(release) })
    const streams = await streamsOf(arrangement)
    const feed = fork(join(import.meta.dirname, 'monitor-feed.js'), [String(perSecond), directory, ...streams.map(({ output, kind }) => `${output}=${kind}`)])
    releases.push(() => { feed.kill('SIGKILL') })
    const ended = once(feed, 'exit')
    await once(feed, 'message')
    const { child, ready, counts } = daemon(['monitor', '--name', 'all', '--state', join(directory, 'monitor'), '--statsd', statsd.address, '--interval', '1',
      '--schemas', join(projectRoot, 'bench', 'schemas'), '--input', ...streams.map(({ input }) => input)])
    releases.push(() => { child.kill('SIGKILL') })
    await ready
    await sleep(warmMs / 2)
    feed.send('begin')
    await sleep(warmMs)
    const pid = child.pid ?? 0
    const [before, sentBefore, since] = [cpuSeconds(pid), await ask(feed, 'how many?'), performance.now()]
    await sleep(seconds * 1000)
    const [cpu, measured, wallSeconds] = [cpuSeconds(pid) - before, await ask(feed, 'how many?') - sentBefore, (performance.now() - since) / 1000]
    const sent = await ask(feed, 'end')
    // a plain stream has lost what was sent before its publisher knew of the monitor
    const least = arrangement === 'journaled' ? sent : sent * 0.95
    await until('all is counted', async () => sumOf(await statsd.counters()) >= least, 60_000)
    await ended
    const memoryMb = peakBytes(pid) / 2 ** 20
    await stopped(child)
    const taken = (await counts)['taken'] ?? 0
    if (taken < least || taken > sent) throw new Error(`of ${sent} records the monitor has taken ${taken}`)
    return { cpuMs: cpu / measured * perSecond * 1000, rate: measured / wallSeconds, memoryMb }
  } finally {
    for (const release of releases.reverse()) await release()
    rmSync(directory, { recursive: true, force: true })
  }
}

async function ask (feed: ChildProcess, what: string): Promise<number> {
  feed.send(what)
  const [sent] = await once(feed, 'message') as [number]
  return sent
}

/** Two of lines, two of events, as the monitor of `etc/vanadium.d` reads them. */
async function streamsOf (arrangement: Arrangement): Promise<Array<{ kind: 'raw' | 'events', output: string, input: string }>> {
  const streams = []
  for (const side of ['server-side', 'client-side']) {
    for (const kind of ['raw', 'events'] as const) {
      const address = `tcp://127.0.0.1:${await stablePort()}`
      const [output, input] = arrangement === 'plain' ? ['?hwm=1000000', '?hwm=1000000'] : [`?journal=${side}-${kind}&replay=${await stablePort()}&subscribers=all`, '?as=all']
      streams.push({ kind, output: address + output, input: `${side}=${address}${input}` })
    }
  }
  return streams
}

/** Records that StatsD has been told of, each once. */
function sumOf (counters: Readonly<Record<string, number>>): number {
  return ['raw', 'valid', 'invalid'].reduce((sum, kind) => sum + (counters[`eventlogging.overall.${kind}`] ?? 0), 0)
}

function median (results: readonly Result[]): Result {
  const sorted = [...results].sort((a, b) => a.cpuMs - b.cpuMs)
  return sorted[sorted.length >> 1] ?? { cpuMs: NaN, rate: NaN, memoryMb: NaN }
}

function textOf (arrangement: Arrangement, { cpuMs, rate, memoryMb }: Result): string {
  return `${arrangement}: ${Math.round(cpuMs)} ms for 50,000 records, measured at ${thousands(rate)}/s, ${Math.round(memoryMb)} MiB`
}
