import { openBackup } from '../../lib/backup/configuration.js'
import { lockBackup } from '../../lib/backup/lock.js'
import { writeReport } from '../../lib/backup/report.js'
import { defineCommand } from '../../lib/cli/command.js'
import { ConfigError, messageOf, VanadiumError } from '../../lib/errors.js'
import { rulesInForce } from '../../lib/purge/rules.js'
import { isOfDatabase } from './database-error.js'
import { configOption, databaseOption } from './options.js'
import { lineReader } from './rehearse/lines.js'
import { rehearse as rehearseSample, type Rehearsed } from './rehearse/rehearsal.js'
import { rehearsalReport, rehearsalText } from './rehearse/report.js'
import { takeSample } from './rehearse/sample.js'
import { openScratch } from './rehearse/scratch.js'
import { destinationOf, openSource } from './restore/source.js'
import { wrong } from './verify.js'
import { claimsAt } from './verify/policy.js'
import type { Finding } from './verify/finding.js'
import { startProgress } from './verify/progress.js'

export const rehearse = defineCommand({
  name: 'backup rehearse',
  summary: 'Restores a sample of the backups into a database that is made for it, and compares what comes of it.',
  examples: [
    ['vanadium backup rehearse --scratch \'mysql://127.0.0.1/vanadium_scratch?defaults-file=/etc/vanadium/scratch.cnf\'', 'the newest day of each table and the newest archive, from the first destination'],
    ['vanadium backup rehearse --scratch \'mysql://127.0.0.1/vanadium_scratch?defaults-file=/etc/vanadium/scratch.cnf\' --sample 7 --from /backup/vanadium', 'a week, and seven archives']
  ],
  notes: 'The database is made anew, and dropped afterwards; one that has tables which no rehearsal made is refused. Lines of archives are read as a processor\n' +
    'reads them. Exit codes besides the usual ones: 1, it could not be done to its end; 2, what was restored is not what it was.\n\n',
  options: {
    config: configOption,
    scratch: { type: 'string', demandOption: true, requiresArg: true, description: 'The database that is made and dropped: a mysql: URI as a consumer has it' },
    sample: { type: 'number', default: 1, requiresArg: true, description: 'So many of the newest days of each table, and of the newest archives' },
    from: { type: 'string', requiresArg: true, description: 'Where backups are taken from, as the configuration names it [default: the first destination]' },
    json: { type: 'boolean', default: false, description: 'The report as JSON' }
  },
  defaults: { 'log-level': 'warn' },
  prepare ({ config, scratch, sample: most, from, json }, { writers }) {
    const { uri, defaultsFile } = databaseOption('--scratch', scratch, writers)
    if (!Number.isInteger(most) || most < 1) throw new ConfigError('bad-option', `--sample ${most}: give a whole number, at least 1`)

    return async ctx => {
      const configuration = openBackup(config)
      const place = destinationOf(configuration, from)
      // a run replaces what is restored
      ctx.defer('the lock', lockBackup(configuration.to))
      const startedMs = Date.now()
      const findings: Finding[] = []
      const failures: string[] = []
      let done: Rehearsed | null = null
      const progress = startProgress(ctx, 'rehearse')
      try {
        const source = await openSource(place, ctx.stop, release => { ctx.defer('what was fetched', release) })
        const sample = takeSample(source, most)
        // it is dropped also after a stop, so that signal does not end its connection
        const end = new AbortController()
        ctx.defer('the database server', () => { end.abort() })
        const database = await openScratch(uri, defaultsFile, end.signal)
        ctx.defer(database.database, async () => { await database.drop() })
        const readLine = lineReader(ctx.schemas, claimsAt(rulesInForce(ctx.registry, startedMs), startedMs))
        done = await rehearseSample({ sample, source, target: { uri, defaultsFile, query: database.query }, readLine, progress, see: found => { findings.push(found) } }, ctx)
      } catch (error) {
        if (error instanceof ConfigError || !(error instanceof VanadiumError || isOfDatabase(error))) throw error
        failures.push(messageOf(error))
      } finally {
        progress.end()
      }
      const report = rehearsalReport({ startedMs, isStopped: ctx.stop.aborted, done, findings, failures, from: place })
      const file = writeReport(configuration.to, 'rehearse', report)
      process.stdout.write(json ? `${JSON.stringify(report)}\n` : rehearsalText(report, file))
      if (findings.length > 0) process.exitCode = wrong
      else if (report.outcome !== 'done') process.exitCode = 1
    }
  }
})
