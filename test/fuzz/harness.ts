import { existsSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { VanadiumError } from '../../lib/errors.js'
import { projectRoot } from '../helpers/shared.js'
import { cpuMs, idleTimeOf, slowness } from '../helpers/speed.js'
import { minimised } from './minimise.js'
import { createRandom, type Random } from './random.js'

/** What is fed with input. Inputs are values of JSON, which can be kept in files and made smaller: an object keeps its keys, a list may lose items. */
export interface Target<I = unknown> {
  readonly name: string
  /** What an input may take where it is more than usual, in milliseconds of processor time of an idle machine. */
  readonly mostMs?: number
  /** Opened once for all inputs; in a process of its own. */
  open (): Promise<Opened<I>>
}

export interface Opened<I> {
  generate (random: Random): I
  /** May throw a `VanadiumError`, and nothing else. */
  run (input: I): void | Promise<void>
  /** For what waits for a network: processor time is that of the whole process all the same. */
  close? (): Promise<void>
}

export interface Budget {
  /** Of processor time. */
  readonly seconds: number
  /** Inputs at most. */
  readonly inputs?: number
  readonly seed: number
  /** Processor time after which an input that has not ended never will. */
  readonly hangSeconds?: number
}

export interface Finding {
  readonly target: string
  readonly kind: 'crash' | 'slow' | 'memory' | 'growth' | 'hang'
  readonly what: string
  /** Null for growth, which is of all inputs; for what was kept in a file, its name. */
  readonly seed: number | string | null
  /** As JSON, as small as it could be made. */
  readonly input: string | null
}

export interface Report {
  readonly inputs: number
  readonly slowestMs: number
  readonly slowestSeed: number
  readonly finding: Finding | null
}

/** Processor time for one input, of an idle machine: on a busy one everything takes several times as long. */
const usualMostMs = 100
/** What takes so many times as long as it may is a finding at once. */
const muchMore = 10
/** So many inputs are tried in any case. */
const leastInputs = 10
/** What one input may add to the most that the process ever had, in bytes: what a daemon may have at all. */
const mostAtOnce = 300 << 20
/** A run ends after so many times its seconds, however little of them was processor time. */
const mostWaiting = 5
/** What seems slow is measured so often again, and the median counts: any run may meet a garbage collection, or the compiler. */
const confirmations = 4
/** What the heap may grow by in the second half of a run, garbage collected, in bytes. */
const mostGrowth = 10 << 20
/** Where it has grown by more, as many inputs again are tried so often: a cache that fills, or code that is compiled, comes to an end. */
const stretchesMore = 3

/** Where inputs are kept that found something once. */
export function findingsOf (target: string): string {
  return join(projectRoot, 'test', 'fuzz', 'findings', target)
}

/**
 * Feeds a target: first with what found something once, then with what chance makes. Ends at the first finding, or with the budget.
 * `announce` is told the seed before each run, so that somebody else can tell which one never ended; `progress` how far it is.
 */
export async function fuzz<I> (target: Target<I>, { seconds, inputs = Infinity, seed }: Budget, announce: (seed: number) => void, progress: (done: Report) => void): Promise<Report> {
  const opened = await target.open()
  const announced = (seed: number): Opened<I> => ({
    ...opened,
    run (input) {
      announce(seed)
      return opened.run(input)
    }
  })
  let report: Report = { inputs: 0, slowestMs: 0, slowestSeed: seed, finding: null }
  try {
    for (const { name, input } of keptInputs<I>(target.name)) {
      const { finding } = await judge(target, announced(0), input, name)
      if (finding !== null) return { ...report, finding }
    }
    const heap = watchHeap()
    const [started, startedAt] = [cpuMs(), performance.now()]
    const feed = async (at: number): Promise<void> => {
      const own = (seed + at) >>> 0
      progress(report)
      const { ms, finding } = await judge(target, announced(own), opened.generate(createRandom(own)), own)
      report = { inputs: at + 1, finding, ...(ms > report.slowestMs ? { slowestMs: ms, slowestSeed: own } : { slowestMs: report.slowestMs, slowestSeed: report.slowestSeed }) }
    }
    for (let at = 0; at < inputs && report.finding === null; at++) {
      const spent = Math.max((cpuMs() - started) / 1000, (performance.now() - startedAt) / 1000 / mostWaiting)
      if (spent >= seconds && at >= leastInputs) break
      if (spent >= seconds / 2 || at >= inputs / 2) heap.halfway()
      await feed(at)
    }
    const stretch = Math.ceil(report.inputs / 2)
    let grown = heap.grown()
    for (let more = 1; grown > mostGrowth && report.finding === null && more <= stretchesMore; more++) {
      heap.begin()
      for (let left = stretch; left > 0 && report.finding === null; left--) await feed(report.inputs)
      grown = heap.grown()
    }
    if (grown <= mostGrowth || report.finding !== null) return report
    return { ...report, finding: { target: target.name, kind: 'growth', what: `the heap has grown by ${(grown / 2 ** 20).toFixed(1)} MB in the last ${stretch} of ${report.inputs} inputs, and as much before`, seed: null, input: null } }
  } finally {
    await opened.close?.()
  }
}

async function judge<I> ({ name, mostMs = usualMostMs }: Target<I>, opened: Opened<I>, input: I, seed: number | string): Promise<{ ms: number, finding: Finding | null }> {
  const peak = peakBytes()
  const first = await trial(opened, input)
  const atOnce = peakBytes() - peak
  const found = (kind: Finding['kind'], what: string, input: unknown): { ms: number, finding: Finding } => ({ ms: first.ms, finding: { target: name, kind, what, seed, input: JSON.stringify(input) } })
  if (first.crash !== null) {
    const small = await minimised(input, async smaller => (await trial(opened, smaller)).crash !== null)
    return found('crash', (await trial(opened, small)).crash ?? first.crash, small)
  }
  // the process has it already, and would not notice again
  if (atOnce > mostAtOnce) return found('memory', `${(atOnce / 2 ** 20).toFixed(0)} MB at once`, input)
  const slowMs = await slowTime(opened, input, mostMs, first.ms)
  if (slowMs === null) return { ms: first.ms, finding: null }
  const small = await minimised(input, async smaller => await slowTime(opened, smaller, mostMs, (await trial(opened, smaller)).ms, 1) !== null)
  return found('slow', `${slowMs.toFixed(0)} ms of processor time, were the machine idle`, small)
}

/** What a slow input takes on an idle machine; null if it may. */
async function slowTime<I> (opened: Opened<I>, input: I, mostMs: number, firstMs: number, again = confirmations): Promise<number | null> {
  if (firstMs <= mostMs) return null
  const times = [firstMs / slowness()]
  if (times.every(ms => ms > muchMore * mostMs)) return times[0] ?? null
  for (let left = again; left > 0; left--) times.push(await idleTimeOf(async () => { await trial(opened, input) }))
  const median = times.sort((a, b) => a - b)[times.length >> 1] ?? 0
  return median > mostMs ? median : null
}

/** The most memory that the process ever had: proc(5), `VmHWM`. */
function peakBytes (): number {
  return Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? 0) * 1024
}

async function trial<I> (opened: Opened<I>, input: I): Promise<{ ms: number, crash: string | null }> {
  const before = cpuMs()
  let crash: string | null = null
  try {
    await opened.run(input)
  } catch (error) {
    if (!(error instanceof VanadiumError)) crash = error instanceof Error ? error.stack ?? error.message : String(error)
  }
  return { ms: cpuMs() - before, crash }
}

function watchHeap (): { halfway (): void, begin (): void, grown (): number } {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const used = (): number => {
    collect()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  let before: number | null = null
  return {
    halfway () { before ??= used() },
    begin () { before = used() },
    grown: () => before === null ? 0 : used() - before
  }
}

function keptInputs<I> (target: string): Array<{ name: string, input: I }> {
  const directory = findingsOf(target)
  const files = existsSync(directory) ? readdirSync(directory).sort() : []
  return files.map(name => ({ name, input: JSON.parse(readFileSync(join(directory, name), 'utf8')) as I }))
}

/** Writes the seed, and how many runs there were, to a file, where another process finds them when this one hangs. */
export function announcer (fd: number): (seed: number) => void {
  const words = new Uint32Array(2)
  return seed => {
    words[0] = seed
    words[1] = (words[1] ?? 0) + 1
    writeSync(fd, words, 0, words.byteLength, 0)
  }
}
