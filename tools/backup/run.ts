import { hostname } from 'node:os'
import { defineCommand, type CommandContext } from '../../lib/cli/command.js'
import { version } from '../../lib/version.js'
import { ConfigError, VanadiumError } from '../../lib/errors.js'
import { destinationName, openBackup, type BackupConfiguration } from '../../lib/backup/configuration.js'
import { recover } from '../../lib/backup/draft.js'
import { waitForBackup } from '../../lib/backup/lock.js'
import { writeReport, type Delivery, type RunReport } from '../../lib/backup/report.js'
import { rulesInForce } from '../../lib/purge/rules.js'
import { askDestinations } from './ask.js'
import { deliver } from './destinations.js'
import { backUpFiles } from './files.js'
import { refusalOf } from './guard.js'
import type { Means } from './means.js'
import { configOption } from './options.js'
import { startProgress } from './progress.js'
import { openRemovals } from './removals.js'
import { backUpTables } from './tables.js'
import { createTally } from './tally.js'
import { keptText, planText, reportText } from './text.js'

/** The backup has what should be elsewhere, too. */
const missing = 2

export const runCommand = defineCommand({
  name: 'backup run',
  summary: 'Backs up JSON logs, archives and tables, and sends the backup to its destinations.',
  examples: [
    ['vanadium backup run --dry-run', 'what would be dumped, copied and removed'],
    ['vanadium backup run', 'does it: for a timer, each night'],
    ['vanadium backup run --accept-missing', 'after rows were deleted on purpose, as by vanadium optout erase: they go from the backup, too'],
    ['vanadium backup run --config /etc/vanadium/backup-2.yaml', 'another configuration']
  ],
  notes: 'What has not changed is not dumped, copied or sent again. Rows and lines that are missing although they may stay (retention) are kept in\n' +
    'the backup. Interrupted, the same command goes on where it was. Exit codes besides the usual ones: 1, stopped, or something is not backed up,\n' +
    'or not everywhere; 2, all is, and the backup has what is missing in a table or an archive.\n\n',
  light: true,
  options: {
    config: configOption,
    'dry-run': { type: 'boolean', default: false, description: 'Only print what would be done' },
    'accept-missing': { type: 'boolean', default: false, description: 'What is missing in tables and archives was deleted on purpose: it goes from the backup, too' },
    'accept-removals': { type: 'boolean', default: false, description: 'More than half of the backup may go, as its time is over, and the clock is right' },
    wait: { type: 'number', default: 600, requiresArg: true, description: 'Seconds to wait while another vanadium backup is at work' },
    json: { type: 'boolean', default: false, description: 'Print the report as JSON' }
  },
  defaults: { 'log-level': 'warn' },
  prepare ({ config, 'dry-run': isDry, 'accept-missing': acceptsMissing, 'accept-removals': acceptsRemovals, wait: waitSeconds, json }) {
    const configuration = openBackup(config)
    if (!(waitSeconds >= 0)) throw new ConfigError('bad-option', `--wait ${waitSeconds}: give seconds, 0 or more`)

    return async ctx => {
      const started = new Date().toISOString()
      const unlock = await waitForBackup(configuration.to, waitSeconds * 1000, ctx)
      ctx.defer('lock', async () => { await Promise.resolve(unlock()) })
      const progress = startProgress(ctx.log)
      const means = meansOf(configuration, { isDry, acceptsMissing, show: progress.show }, ctx)
      const refusal = acceptsRemovals ? null : refusalOf(means)
      if (refusal !== null) means.tally.fail(refusal)
      const deliveries = await (refusal === null ? backUp(means) : Promise.resolve([])).finally(progress.end)
      if (isDry) {
        process.stdout.write(planText(means.tally, configuration.destinations.map(destinationName)))
        if (means.tally.failures.length > 0 || ctx.stop.aborted) process.exitCode = 1
        return
      }
      const report = reportOf(means, deliveries, started)
      const path = writeReport(configuration.to, 'run', report)
      process.stdout.write(json ? `${JSON.stringify(report)}\n` : reportText(report, path))
      if (report.outcome !== 'done') process.exitCode = 1
      else if (report.kept.length > 0) process.exitCode = missing
    }
  }
})

function meansOf (configuration: BackupConfiguration, given: Pick<Means, 'isDry' | 'acceptsMissing' | 'show'>, ctx: CommandContext): Means {
  return {
    ...given,
    configuration,
    rules: rulesInForce(ctx.registry, Date.now()),
    schemas: ctx.schemas,
    host: hostname(),
    removals: openRemovals(configuration.to, configuration.destinations.map(destinationName)),
    unasked: new Map(),
    damaged: new Set(),
    tally: createTally(),
    stop: ctx.stop,
    log: ctx.log
  }
}

/** One part that fails does not keep the others: what is there is sent all the same. */
async function backUp (means: Means): Promise<Delivery[]> {
  const { configuration, isDry, tally, log } = means
  if (!isDry) recover(configuration.to)
  for (const part of isDry || await askDestinations(means) ? [backUpTables, backUpFiles] : []) {
    try {
      await part(means)
    } catch (error) {
      if (!(error instanceof VanadiumError)) throw error
      log.error('a part of the backup could not be made', { code: error.code, reason: error.message })
      tally.fail(error.message)
    }
  }
  return isDry ? [] : await deliver(means)
}

function reportOf ({ tally, stop, host }: Means, destinations: readonly Delivery[], started: string): RunReport {
  const hasFailed = tally.failures.length > 0 || destinations.some(({ failure }) => failure !== null)
  return {
    host,
    version: version(),
    started,
    ended: new Date().toISOString(),
    outcome: stop.aborted ? 'stopped' : hasFailed ? 'failed' : 'done',
    tables: tally.counts('tables'),
    files: tally.counts('files'),
    kept: tally.kept,
    destinations,
    failures: tally.failures,
    findings: tally.kept.map(kept => ({ text: keptText(kept) }))
  }
}
