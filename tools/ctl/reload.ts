import { statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { defineCommand } from '../../lib/cli/command.js'
import { exitCodes } from '../../lib/errors.js'
import { argumentsOf, valueIn } from '../check/instances.js'
import { problemText } from '../config/problem.js'
import { problemsOfFiles } from '../config/problems.js'
import { isMistake } from './checked.js'
import { chosenOf, lookAtHost, ofUnits, unitOptions, type Host } from './host.js'
import { inOrder } from './jobs.js'
import { parseJournalLine, type JournalLine } from './journal-line.js'
import { notWell } from './outcome.js'
import { journal } from './systemd.js'
import { planOf, type Unit } from './units.js'

/** A daemon reads its schemas and the registry again within a second or two; so long it is waited for, in milliseconds. */
const patienceMs = 60_000
/** The same when some were not even told to. */
const failedPatienceMs = 5000
const lookMs = 300

export const reload = defineCommand({
  ...ofUnits,
  name: 'reload',
  summary: 'Has instances read schemas and the registry again, and reopen their files, if the whole configuration is good; waits until they have.',
  examples: [
    ['vanadiumctl reload', 'all, after a change of a schema or of the registry'],
    ['vanadiumctl reload processors', 'only those']
  ],
  notes: 'First everything is checked, as vanadium config check --all does: with a mistake anywhere, nothing is reloaded. Argument files are read by a\n' +
    'restart alone: which have changed is told. Exit codes besides the usual ones: 2 one has not reloaded; 78 also for a mistake in the configuration.\n\n',
  options: unitOptions,
  prepare ({ unit, config }) {
    return async ({ stop }) => {
      const host = await lookAtHost(config)
      const chosen = chosenOf(unit, host)
      const problems = await problemsOfFiles(host.defined.map(host.fileOf), { all: true, isWhole: true })
      for (const problem of problems) process.stdout.write(`${problemText(problem)}\n`)
      if (problems.some(isMistake)) {
        process.stdout.write('nothing is reloaded: the configuration is wrong\n')
        process.exitCode = exitCodes.config
        return
      }
      const due = host.defined.filter(({ unit }) => chosen.some(one => one.unit === unit) && /^(active|reloading)$/.test(host.states.get(unit)?.active ?? ''))
      const before = await lastCursor()
      const failure = await inOrder('reload', due, active => active === 'reloading')
      if (failure !== '') process.stdout.write(`${failure}\n`)
      const silent = due.filter(one => isSilent(config, one))
      const results = await resultsOf(due.filter(one => !silent.includes(one)), before, failure === '' ? patienceMs : failedPatienceMs, stop)
      tell(due, silent, results)
      tellWhatIsLeft(chosen, host)
      if (failure !== '' || due.some(one => !silent.includes(one) && !isReloaded(results.get(one.unit)))) process.exitCode = notWell
    }
  }
})

/** Of the newest entry of the journal. */
async function lastCursor (): Promise<string | null> {
  const entry = await journal('--lines=1', '--output=json')
  return entry === '' ? null : (JSON.parse(entry) as { __CURSOR: string }).__CURSOR
}

/** What daemons have logged since, when all have said that they have reloaded, or when it is no use to wait any longer. */
async function resultsOf (units: readonly Unit[], cursor: string | null, mostMs: number, stop: AbortSignal): Promise<Map<string, JournalLine[]>> {
  const untilMs = Date.now() + mostMs
  for (;;) {
    const since = cursor === null ? ['--since=-1min'] : [`--after-cursor=${cursor}`]
    const text = units.length === 0 ? '' : await journal(...since, '--output=json', ...units.map(({ unit }) => `--unit=${unit}`))
    const lines = text.split('\n').flatMap(line => parseJournalLine(line) ?? [])
    const results = new Map(units.map(({ unit }) => [unit, lines.filter(line => line.unit === unit)]))
    if (units.every(({ unit }) => results.get(unit)?.some(({ message }) => message === 'reloaded')) || Date.now() > untilMs || stop.aborted) return results
    await sleep(lookMs)
  }
}

/** Whether it logs nothing of its reloads. */
function isSilent (config: string, unit: Unit): boolean {
  return /^(warn|error)$/.test(valueIn(argumentsOf(config, unit), '--log-level') ?? '')
}

function isReloaded (lines: readonly JournalLine[] | undefined): boolean {
  return lines?.some(({ message }) => message === 'reloaded') === true && failuresIn(lines).length === 0
}

/** Errors between the beginning of a reload and its end; where none has begun, all. */
export function failuresIn (lines: readonly JournalLine[]): string[] {
  const [begin, end] = ['reloading', 'reloaded'].map(what => lines.findIndex(({ message }) => message === what)) as [number, number]
  const during = lines.slice(Math.max(begin, 0), end === -1 ? undefined : end)
  return during.filter(({ level }) => level === 'error').map(({ message, fields: { reason } }) => typeof reason === 'string' ? `${message}: ${reason}` : message)
}

function tell (due: readonly Unit[], silent: readonly Unit[], results: ReadonlyMap<string, readonly JournalLine[]>): void {
  for (const { name, unit } of due) {
    const lines = results.get(unit)
    if (lines === undefined) continue
    for (const failure of failuresIn(lines)) process.stdout.write(`${name}: ${failure}\n`)
    if (!lines.some(({ message }) => message === 'reloaded')) process.stdout.write(`${name} has not said that it has reloaded\n`)
  }
  for (const { name } of silent) process.stdout.write(`${name} was told to reload; with its --log-level it does not say when it has\n`)
  process.stdout.write(due.length === 0 ? 'nothing runs that could be reloaded\n' : `${due.filter(({ unit }) => isReloaded(results.get(unit))).length} of ${due.length} have reloaded\n`)
}

/** What a reload does not do. */
function tellWhatIsLeft (chosen: readonly Unit[], host: Host): void {
  const { enable, disable } = planOf(chosen, host.defined, host.enabled, host.running)
  for (const { name } of enable) process.stdout.write(`${name} is not enabled; vanadiumctl start ${name}\n`)
  for (const unit of disable) process.stdout.write(`${unit.name}: ${host.fileOf(unit)} is gone, and it runs; vanadiumctl start stops and disables it\n`)
  for (const unit of chosen.filter(({ unit }) => host.running.has(unit))) {
    const sinceMs = host.states.get(unit.unit)?.sinceMs
    const changedMs = statSync(host.fileOf(unit), { throwIfNoEntry: false })?.mtimeMs
    if (sinceMs !== null && sinceMs !== undefined && changedMs !== undefined && changedMs > Date.now() - sinceMs) {
      process.stdout.write(`${unit.name}: ${host.fileOf(unit)} has changed since it was started; vanadiumctl restart ${unit.name}\n`)
    }
  }
}
