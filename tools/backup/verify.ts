import { openBackup } from '../../lib/backup/configuration.js'
import { recover } from '../../lib/backup/draft.js'
import { lockBackup } from '../../lib/backup/lock.js'
import { writeReport } from '../../lib/backup/report.js'
import { defineCommand } from '../../lib/cli/command.js'
import { ConfigError } from '../../lib/errors.js'
import { configOption } from './options.js'
import { horizonOf } from './verify/horizon.js'
import { removeFetched } from './verify/remote.js'
import { reportOf, reportText } from './verify/report.js'
import { Verification } from './verify/session.js'

/** Of the exit: something is missing, damaged or too old. */
export const wrong = 2

export const verify = defineCommand({
  name: 'backup verify',
  summary: 'Compares backups with their manifests, and these with archives, tables and the ledger; names what is missing, damaged or too old.',
  examples: [
    ['vanadium backup verify', 'everything that /etc/vanadium/backup.yaml names; exit 2 if anything is wrong'],
    ['vanadium backup verify --max-age 200', 'of a host that is backed up once a week'],
    ['vanadium backup verify --json | jq -r \'.findings[] | select(.fault == "missing") | .place + " " + .what\'', 'for a script']
  ],
  notes: 'It reads everything, and changes nothing but that it leaves a report, for vanadium check backup-verify. At an rsync destination files are compared\n' +
    'by their checksums there; only what is not the same is fetched. Exit codes besides the usual ones: 1, something could not be looked at; 2,\n' +
    'something is missing, damaged or too old: each file, or hour of a table, is named.\n\n',
  light: true,
  options: {
    config: configOption,
    'max-age': { type: 'number', default: 36, requiresArg: true, description: 'Hours after the last backup from which on what has come since is too old not to be in one' },
    'kept-days': { type: 'number', default: 89, requiresArg: true, description: 'Days for which archives are kept where they are: older ones logrotate may have deleted' },
    json: { type: 'boolean', default: false, description: 'The report as JSON' }
  },
  defaults: { 'log-level': 'warn' },
  prepare ({ config, 'max-age': maxAgeHours, 'kept-days': keptDays, json }, _transports, { state }) {
    if (!(maxAgeHours > 0)) throw new ConfigError('bad-option', `--max-age ${maxAgeHours}: give hours, more than 0`)
    if (!(keptDays >= 0)) throw new ConfigError('bad-option', `--kept-days ${keptDays}: give days, 0 or more`)

    return async ctx => {
      const configuration = openBackup(config)
      const { to, oldestDays } = configuration
      // what is being made is not to be found missing, nor what an interrupted run was about to rename
      ctx.defer('the lock', lockBackup(to))
      recover(to)
      removeFetched(to)
      const startedMs = Date.now()
      const horizon = horizonOf({ registry: ctx.registry, nowMs: startedMs, to, state, maxAgeHours, keptDays, oldestDays })
      const verified = await new Verification(configuration, horizon, ctx).run(state)
      const report = reportOf({ startedMs, isStopped: ctx.stop.aborted, ...verified })
      const file = writeReport(to, 'verify', report)
      process.stdout.write(json ? `${JSON.stringify(report)}\n` : reportText(report, file))
      if (report.findings.length > 0) process.exitCode = wrong
      else if (report.outcome !== 'done') process.exitCode = 1
    }
  }
})
