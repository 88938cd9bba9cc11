import { hostname } from 'node:os'
import { defineCommand, type CommandContext } from '../../lib/cli/command.js'
import { ConfigError } from '../../lib/errors.js'
import { parseUri } from '../../lib/stream/uri.js'
import { frontsOf } from '../check/canary/front.js'
import { databaseTarget, withDeadline, type CheckedDatabase, type DatabaseTarget } from '../check/database.js'
import { configOption } from '../check/leftovers.js'
import { leaseName, leaseOptions, unreadable } from '../lease/options.js'
import { canAsk, isAgreed, print, terminal } from '../replay/dialogue.js'
import { announce, announceOutcome, requireOperators } from './announce.js'
import { cutOf, whyNoCut } from './cut.js'
import { lookAtPair, type Pair, type PairOptions } from './pair.js'
import { mostDisturbedSeconds } from './patience.js'
import { planText } from './plan.js'
import { lockReports, usualReports, writeReport } from './reports.js'
import { rehearse, type DrillSettings } from './session.js'
import { reportText } from './text.js'
import { commandsOf, hows, wayOf, wayOfCut, type Commands, type Way } from './ways.js'

/** One that has no answer by then has none: the database may have vanished without a word. */
const statementSeconds = 30
/** Of the exit. */
const notDone = 1
const notPassed = 2

export const failover = defineCommand({
  name: 'drill failover',
  summary: 'Ends the consumer that has the lease, and measures how soon the other host takes over, and what is missing or doubled.',
  examples: [
    ['vanadium drill failover @/etc/vanadium/drill.args --dry-run', 'what would be done, and whether both hosts are well'],
    ['vanadium drill failover --read \'mysql://db.example.org/log?defaults-file=/etc/vanadium/drill.cnf\' --lease events --send udp://db1.example.org:8421 udp://db2.example.org:8421', 'stops the consumer in order, and starts it again'],
    ['vanadium drill failover @/etc/vanadium/drill.args --how cut --stay', 'this host does not reach the database for a while; the other one keeps the lease then'],
    ['vanadium drill failover @/etc/vanadium/drill.args --how kill --stop-command \'sv down consumer\' --start-command \'sv up consumer\'', 'without systemd']
  ],
  notes: 'On the host that has the lease, as root. How to set it up: docs/operations.md, Drills. What it has disturbed is put back also when it is\n' +
    'interrupted, or killed. Exit codes besides the usual ones: 0, passed; 1, not done, or not to its end; 2, failed: a first row came later\n' +
    'than --within, something is missing or doubled, or the host is not well afterwards.\n\n',
  options: {
    ...leaseOptions,
    read: { ...leaseOptions.read, description: 'The database: a mysql: URI as a consumer has it, with an account that may read, and ask for the lease' },
    send: { type: 'string', array: true, demandOption: true, requiresArg: true, description: 'Where events come in, of both hosts, as for vanadium check canary: every canary goes to each' },
    how: { choices: hows, default: 'stop' as const, requiresArg: true, description: 'What becomes of the consumer: stop: stopped in order; kill: SIGKILL; freeze: SIGSTOP; cut: packets to and from the database are dropped' },
    'stop-command': { type: 'string', requiresArg: true, description: 'Stops the consumer of this host, where systemd does not' },
    'start-command': { type: 'string', requiresArg: true, description: 'Starts it, and comes back' },
    within: { type: 'number', default: 15, requiresArg: true, description: 'Seconds until the first row of the one that takes over' },
    lag: { type: 'number', default: 30, requiresArg: true, description: 'Seconds that either may be behind' },
    settle: { type: 'number', default: 120, requiresArg: true, description: 'Seconds in which the last canaries may come: the standby asks for the lease after a minute, if it has what the writer never got' },
    stay: { type: 'boolean', default: false, description: 'Leave the lease with the one that has taken over' },
    again: { type: 'boolean', default: false, description: 'Also if there was a drill within the last hour' },
    'no-mail': { type: 'boolean', default: false, description: 'Do not tell the operators of the registry, before and after' },
    'dry-run': { type: 'boolean', default: false, description: 'Only say what would be done, and what speaks against it' },
    yes: { type: 'boolean', default: false, description: 'Do not ask' },
    json: { type: 'boolean', default: false, description: 'Print the report as JSON' },
    reports: { type: 'string', default: usualReports, requiresArg: true, description: 'Directory of the reports' },
    config: configOption
  },
  defaults: { 'log-level': 'warn' },
  prepare (options, transports, common) {
    const { read, send, how, within, lag, settle, stay, yes, reports, config, again, 'dry-run': isDry, 'no-mail': isSilent } = options
    const target = databaseTarget('--read', read, transports, ['mysql'])
    const lease = leaseName(options.lease)
    const fronts = frontsOf(send, transports)
    for (const [option, seconds] of [['within', within], ['lag', lag], ['settle', settle]] as const) {
      if (!(seconds > 0 && seconds <= 600)) throw new ConfigError('bad-option', `--${option} ${seconds}: give seconds, more than 0 and at most 600`)
    }
    if (!yes && !isDry && !common['config-check'] && !canAsk()) throw new ConfigError('bad-option', '--yes or --dry-run is missing: this is no terminal, so nobody can be asked; look at what --dry-run prints, then give --yes')
    const commands = commandsOf(how, options['stop-command'], options['start-command'])
    const host = parseUri(read).host

    return async ctx => {
      if (!isSilent) requireOperators(ctx.registry)
      await connected(target, async db => {
        const pairOptions = { lease, host: hostname(), lag, asksBack: !stay, config, state: common.state, reports, again }
        const look = async (): Promise<Found> => {
          const { pair, problems } = await lookAtPair(db, pairOptions)
          const { way, problem } = await findWay(db, pair, pairOptions, { how, commands, host, within })
          if (pair === null || way === null || problems.length > 0) return { problems: [...problems, ...problem === null ? [] : [problem]] }
          const settings: DrillSettings = { lease, database: target.name, how, way, fronts, withinSeconds: within, lagSeconds: lag, settleSeconds: settle, stays: stay, reports, state: common.state, step: text => { tellStep(text, ctx) } }
          return { pair, settings, plan: planText(pair, settings, isSilent ? [] : ctx.registry.operators) }
        }
        const found = await look()
        if ('problems' in found) { tellProblems(found.problems); return }
        if (!options.json || isDry) print(found.plan.trimEnd())
        if (isDry) return
        const problems = yes ? [] : await problemsOfAnswer(found, look, ctx)
        if (problems.length > 0) tellProblems(problems)
        else await doIt(db, found.pair, found.settings, { plan: found.plan, isSilent, asJson: options.json }, ctx)
      })
    }
  }
})

/** What is to be done, or why nothing is. */
type Found = { readonly problems: readonly string[] } | { readonly pair: Pair, readonly settings: DrillSettings, readonly plan: string }

/** Asks, and looks again: the answer may come an hour later. */
async function problemsOfAnswer ({ plan }: Extract<Found, { plan: string }>, look: () => Promise<Found>, { stop }: CommandContext): Promise<readonly string[]> {
  if (!await isAgreed('Do it?', stop)) return ['nobody has said yes']
  const now = await look()
  if ('problems' in now) return now.problems
  return now.plan === plan ? [] : ['what would be done is no longer what was asked about: run it again']
}

async function doIt (db: CheckedDatabase, pair: Pair, settings: DrillSettings, { plan, isSilent, asJson }: { plan: string, isSilent: boolean, asJson: boolean }, ctx: CommandContext): Promise<void> {
  ctx.defer('the lock of the reports', lockReports(settings.reports))
  if (!isSilent) await announce(plan, pair.writer.host, ctx)
  const report = await rehearse(db, pair, settings, ctx)
  const file = writeReport(settings.reports, report)
  print(asJson ? JSON.stringify(report, null, 2) : reportText(report))
  if (!asJson) print(`Report: ${file}.{txt,html,json}`)
  if (!isSilent) await announceOutcome(report, ctx)
  if (report.outcome !== 'passed') process.exitCode = report.outcome === 'failed' ? notPassed : notDone
}

async function connected (target: DatabaseTarget, work: (db: CheckedDatabase) => Promise<void>): Promise<void> {
  const over = new AbortController()
  try {
    // it is there also after a first Ctrl-C: what was asked for is taken back, and what is known is told
    const db = await target.open('drill', over.signal).catch((error: unknown) => { throw unreadable(target.name, error) })
    await work(withDeadline(db, statementSeconds, () => { over.abort() }))
  } finally {
    over.abort()
  }
}

type Chosen = Readonly<{ how: DrillSettings['how'], commands: Commands | null, host: string | null, within: number }>

/** What disturbs this host's consumer; or what speaks against it. */
async function findWay (db: CheckedDatabase, pair: Pair | null, { host: own, state }: PairOptions, { how, commands, host, within }: Chosen): Promise<{ way: Way | null, problem: string | null }> {
  if (pair === null || pair.writer.host !== own) return { way: null, problem: null }
  if (how !== 'cut') return { way: wayOf(how, { instance: pair.writer.instance, state, commands }), problem: null }
  if (db.way === null) return { way: null, problem: '--how cut: the database is reached by a local socket, from which nobody is cut off' }
  const problem = await whyNoCut()
  return problem === null ? { way: wayOfCut(await cutOf(db.way, host, mostDisturbedSeconds(within))), problem } : { way: null, problem: `--how cut: ${problem}` }
}

function tellProblems (problems: readonly string[]): void {
  print(`Nothing was done:\n${problems.map(problem => `- ${problem}`).join('\n')}`)
  process.exitCode = notDone
}

function tellStep (text: string, { log }: CommandContext): void {
  const stream = terminal()
  if (stream === null) log.info('progress', { step: text })
  else stream.write(`${new Date().toISOString().slice(11, 19)}  ${text}\n`)
}
