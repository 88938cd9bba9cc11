import { dirname } from 'node:path'
import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import { StreamError } from '../../lib/errors.js'
import type { Context } from '../../lib/stream/contracts.js'
import { terminal } from '../replay/dialogue.js'
import { showProgress } from '../replay/progress.js'
import { compare, keyBytes, type Compared, type Pause } from './compare.js'
import { Differences } from './differences.js'
import { HeldLines, type Sizes } from './held-lines.js'
import { findInputs, type Inputs } from './inputs.js'
import { KeySorter } from './key-sorter.js'
import type { MergedRuns } from './merged-runs.js'
import { openFile, openNowhere, openStdout, type Sink } from './output.js'
import { readFile } from './read.js'
import { Runs } from './runs.js'
import { summaryOf, type Summary } from './summary.js'
import { newTally, type HostTally } from './tally.js'
import { TemporaryFile } from './temporary-file.js'
import { writeLines } from './write.js'

export interface MergeSettings {
  readonly operands: readonly string[]
  /** A host of which only what it lacks is written; null for everything. */
  readonly lacking: string | null
  /** Null for standard output. */
  readonly output: string | null
  readonly isDryRun: boolean
  /** Undefined for where the output is. */
  readonly temporary: string | undefined
  /** Where there is no output to be beside. */
  readonly temporaryOfOthers: string
  readonly sizes: Sizes
}

/** What is on the disk while files are merged; nothing of it has a name. */
interface Sorted {
  /** Lines by time and uuid. */
  readonly lines: Runs
  /** What is too long to be among them. */
  readonly aside: TemporaryFile
  /** The keys of events by uuid. */
  readonly keys: KeySorter
  /** Of those that have several times. */
  readonly lost: KeySorter
}

/** Reads all files, compares what hosts have, writes each event once. Throws `ConfigError` and `StreamError`; then there is no output. */
export async function merge (settings: MergeSettings, ctx: Context): Promise<Summary> {
  const { operands, lacking, output, isDryRun, temporary, temporaryOfOthers, sizes } = settings
  const inputs = await findInputs(operands, lacking, ctx.stop)
  if (inputs.leftOut.length > 0) ctx.log.warn('files that are no logs were left out', { files: inputs.leftOut })
  const sink = openSink(settings, inputs)
  ctx.defer('the output', async () => { await sink.discard() })
  const sorted = openSorted(temporary ?? (output === null ? temporaryOfOthers : dirname(output)), sizes, ctx)
  const tallies = inputs.hosts.map(newTally)
  const bytes = await readAll({ inputs, tallies, sorted, sizes }, ctx)
  const compared = await compareAll(inputs, tallies, sorted, ctx)
  const differences = new Differences()
  if (compared.otherTimes > 0) differences.add('(time)', compared.otherTimes)
  const written = await writeAll({ inputs, sorted, lacking: lacking === null ? null : 0, differences, sink, bytes, isDryRun }, ctx)
  await sink.end()
  return summaryOf({ output: isDryRun ? null : output, isDryRun, lacking, written }, compared, differences, tallies)
}

/** Made before anything is read, to find out that it cannot be. */
function openSink ({ output, isDryRun }: MergeSettings, { files }: Inputs): Sink {
  const [first] = files
  if (isDryRun || first === undefined) return openNowhere()
  return output === null ? openStdout() : openFile(output, first.stats, Math.max(...files.map(({ stats }) => stats.mtimeMs)))
}

function openSorted (directory: string, { keys, runsAtOnce }: Sizes, ctx: Context): Sorted {
  const closed = <T extends { close (): void }>(file: T): T => {
    ctx.defer('a temporary file', () => { file.close() })
    return file
  }
  return {
    lines: closed(new Runs(directory, runsAtOnce)),
    aside: closed(new TemporaryFile(directory)),
    keys: closed(new KeySorter(directory, keys, runsAtOnce)),
    lost: closed(new KeySorter(directory, Math.ceil(keys / 16), runsAtOnce))
  }
}

interface Reading {
  readonly inputs: Inputs
  readonly tallies: readonly HostTally[]
  readonly sorted: Sorted
  readonly sizes: Sizes
}

/** Returns how many bytes all lines have. */
async function readAll ({ inputs: { files }, tallies, sorted: { lines, aside, keys }, sizes }: Reading, ctx: Context): Promise<number> {
  const held = new HeldLines(lines, aside, keys, ctx.optOut, sizes)
  const step = follow('reading (1 of 3)', files.reduce((sum, { stats }) => sum + stats.size, 0), () => tallies.reduce((sum, { lines }) => sum + lines, 0), ctx)
  try {
    for (const [index, { path, host, stats }] of files.entries()) {
      const tally = tallies[host] as HostTally
      tally.files++
      held.begin(index, path, tally)
      await readFile(path, stats, held, { stop: ctx.stop, passed: step.passed })
      refuseIfStopped(ctx)
    }
    held.end()
    keys.end()
  } finally {
    step.end()
  }
  const optedOut = tallies.reduce((sum, { optedOut }) => sum + optedOut, 0)
  if (optedOut > 0) ctx.log.warn('records of users who opted out were left out', { records: optedOut })
  return held.bytes
}

async function compareAll ({ files }: Inputs, tallies: readonly HostTally[], { keys, lost }: Sorted, ctx: Context): Promise<Compared> {
  const merged = await inOrder(keys, ctx)
  const withUuid = tallies.reduce((sum, { lines, optedOut, withoutUuid, notJson, tooLong }) => sum + lines - optedOut - withoutUuid - notJson - tooLong, 0)
  const step = follow('comparing (2 of 3)', withUuid * keyBytes, null, ctx)
  try {
    const compared = await compare(merged, files.map(({ host }) => host), tallies, lost, step)
    lost.end()
    return compared
  } finally {
    step.end()
    keys.close()
  }
}

/** Of many runs some are merged on the disk before, which may take long. */
async function inOrder (runs: Runs | KeySorter, ctx: Context): Promise<MergedRuns> {
  const { end, ...watched } = follow('sorting on the disk', runs.bytesToRewrite, null, ctx)
  try {
    return await runs.merged(watched)
  } finally {
    end()
  }
}

interface Writing {
  readonly inputs: Inputs
  readonly sorted: Sorted
  readonly lacking: number | null
  readonly differences: Differences
  readonly sink: Sink
  readonly bytes: number
  readonly isDryRun: boolean
}

async function writeAll ({ inputs: { files, hosts }, sorted: { lines, lost, aside }, lacking, differences, sink, bytes, isDryRun }: Writing, ctx: Context): Promise<number> {
  const parts = { lines: await inOrder(lines, ctx), lost: await inOrder(lost, ctx), aside, hostOfFile: files.map(({ host }) => host), hosts: hosts.length, lacking, differences, sink }
  const { end, ...watched } = follow(`${isDryRun ? 'looking' : 'writing'} (3 of 3)`, bytes, null, ctx)
  try {
    return await writeLines({ ...parts, ...watched })
  } finally {
    end()
  }
}

interface Step {
  readonly pause: Pause
  readonly passed: (bytes: number) => void
  readonly end: () => void
}

const sayMs = 5000
/** For so long nobody else has a turn. */
const turnMs = 50
/** Time is not looked at each time. */
const looksBetween = 256

/** Shows how far a step is; `lines` says how many lines that is, if not each call of `passed` is one. */
function follow (what: string, total: number, lines: (() => number) | null, ctx: Context): Step {
  const tally = { read: 0 }
  let [passed, looks, turnAtMs] = [0, 0, performance.now() + turnMs]
  const end = total === 0 ? () => {} : showProgress({ what, total, tally, lines: lines ?? (() => passed), waitsFor: () => null, terminal: terminal(), log: ctx.log, sayMs })
  return {
    end,
    passed (bytes) {
      tally.read += bytes
      passed++
    },
    pause () {
      if (++looks % looksBetween !== 0) return null
      refuseIfStopped(ctx)
      if (performance.now() < turnAtMs) return null
      return turnOfTheLoop().then(() => { turnAtMs = performance.now() + turnMs })
    }
  }
}

function refuseIfStopped ({ stop }: Context): void {
  if (stop.aborted) throw new StreamError('stopped', 'stopped before everything was merged; the same command begins again')
}
