import { hostname } from 'node:os'
import type { CommandContext } from '../../lib/cli/command.js'
import { version } from '../../lib/version.js'
import { messageOf, VanadiumError } from '../../lib/errors.js'
import type { RulesInForce } from '../../lib/purge/rules.js'
import type { Leftover, PurgeStore } from '../../lib/purge/store.js'
import { beginReport, endReport } from './chain.js'
import { startProgress } from './progress.js'
import { writeReport, type PurgeReport } from './report.js'
import type { SigningKey } from './signing.js'
import { proofText, WorkSum, workText } from './text.js'

/** Something is older than allowed, or no report that it seems to be. */
export const wrong = 2

/** Prints what a purge would do. */
export async function plan (stores: readonly PurgeStore[], rules: RulesInForce, ctx: CommandContext): Promise<void> {
  const sum = new WorkSum()
  const failures = await overAll(stores, store => store.plan(rules), work => { sum.add(work) }, ctx)
  process.stdout.write(workText(sum.works, 'planned') + failuresText(failures))
  endWith(failures, ctx)
}

/** Looks for what should not be there any more. */
export async function prove (stores: readonly PurgeStore[], rules: RulesInForce, ctx: CommandContext): Promise<void> {
  const found: Leftover[] = []
  const failures = await overAll(stores, store => store.prove(rules), leftover => { found.push(leftover) }, ctx)
  const missed = ctx.stop.aborted ? ['all that comes after the stop', ...failures] : failures
  process.stdout.write(proofText(found, stores.map(({ name }) => name), missed))
  if (found.length > 0) process.exitCode = wrong
  else endWith(failures, ctx)
}

export interface PurgeOptions {
  /** Path of the report. */
  readonly report: string
  readonly key: SigningKey
  /** Called when everything was done. */
  done (): void
}

/** Does it, and reports also what was done before it was stopped, or something failed. */
export async function purge (stores: readonly PurgeStore[], rules: RulesInForce, { report: file, key, done }: PurgeOptions, ctx: CommandContext): Promise<void> {
  const started = new Date(rules.nowMs).toISOString()
  const before = beginReport(ctx.state, started, file)
  const progress = await startProgress(stores, rules, ctx.stop, ctx.log)
  const sum = new WorkSum()
  const failures = await overAll(stores, store => store.purge(rules, ctx.stop), work => {
    sum.add(work)
    progress.add(work)
  }, ctx)
  progress.end()
  const outcome = ctx.stop.aborted ? 'stopped' : failures.length > 0 ? 'failed' : 'done'
  if (outcome === 'done') done()
  const report: PurgeReport = {
    host: hostname(),
    version: version(),
    started,
    ended: new Date().toISOString(),
    outcome,
    stores: stores.map(({ name }) => name),
    policies: rules.policies,
    work: sum.works,
    failures,
    ...before
  }
  endReport(ctx.state, writeReport(file, report, key))
  process.stdout.write(`${workText(sum.works, 'done')}${failuresText(failures)}${unreportedText(before.unreported)}Report: ${file}\n`)
  if (outcome === 'stopped') process.stdout.write('Stopped; the same command goes on.\n')
  endWith(failures, ctx)
}

/** One store that fails does not keep the others. Returns what could not be dealt with. */
async function overAll<T> (stores: readonly PurgeStore[], work: (store: PurgeStore) => AsyncIterable<T>, see: (item: T) => void, { stop, log }: CommandContext): Promise<string[]> {
  const failures: string[] = []
  for (const store of stores) {
    if (stop.aborted) break
    try {
      for await (const item of work(store)) see(item)
    } catch (error) {
      if (!(error instanceof VanadiumError)) throw error
      log.error('a store could not be dealt with', { store: store.name, code: error.code, reason: error.message })
      failures.push(`${store.name}: ${messageOf(error)}`)
    }
  }
  return failures
}

function failuresText (failures: readonly string[]): string {
  return failures.map(failure => `Not done: ${failure}\n`).join('')
}

function unreportedText (starts: readonly string[]): string {
  return starts.map(start => `The run of ${start} left no report: it was killed, or could not write one. What it did is not in this one either.\n`).join('')
}

function endWith (failures: readonly string[], { stop }: CommandContext): void {
  if (failures.length > 0 || stop.aborted) process.exitCode = 1
}
