import { openBackup, type BackupConfiguration } from '../../lib/backup/configuration.js'
import { defineCommand, type CommandContext } from '../../lib/cli/command.js'
import { ConfigError, messageOf, VanadiumError } from '../../lib/errors.js'
import { isOfDatabase } from './database-error.js'
import { configOption, databaseOption } from './options.js'
import { plannedText, restoreOutcome, restoreText, type RestoreOutcome } from './restore/report.js'
import { destinationOf, dumpedTables, openSource, type Dump, type DumpedTable, type Source } from './restore/source.js'
import { restoreTable, type Restored } from './restore/table.js'
import { openTarget, type RestoreTarget } from './restore/target.js'
import { wrong } from './verify.js'
import type { Finding } from './verify/finding.js'
import { startProgress } from './verify/progress.js'

export const restore = defineCommand({
  name: 'backup restore',
  summary: 'Restores tables from the backups into a database that has lost them, and compares what comes of it.',
  examples: [
    ['vanadium backup restore --into \'mysql://127.0.0.1/log?defaults-file=/etc/vanadium/my.cnf\' --dry-run', 'which tables there are, and how many rows'],
    ['vanadium backup restore --into \'mysql://127.0.0.1/log?defaults-file=/etc/vanadium/my.cnf\'', 'all tables, from the first destination'],
    ['vanadium backup restore --into \'mysql://127.0.0.1/log?defaults-file=/etc/vanadium/my.cnf\' --table Edit_5423274', 'one that somebody dropped']
  ],
  notes: 'Nothing else may write to these tables before it is done: stop their consumers. A table that has rows is refused, because what comes\n' +
    'to them could not be compared with what was backed up. Interrupted, the same command goes on where it was. The consumer\'s account may do all that is needed. Exit codes besides\n' +
    'the usual ones: 1, it could not be done to its end; 2, what was restored is not all that was backed up.\n\n',
  options: {
    config: configOption,
    into: { type: 'string', demandOption: true, requiresArg: true, description: 'The database, which is there: a mysql: URI as a consumer has it' },
    table: { type: 'string', array: true, default: [] as string[], requiresArg: true, description: 'Only these tables [default: all of the database that the configuration names]' },
    from: { type: 'string', requiresArg: true, description: 'Where backups are taken from, as the configuration names it [default: the first destination]' },
    'dry-run': { type: 'boolean', default: false, description: 'Only print what would be restored' },
    json: { type: 'boolean', default: false, description: 'The outcome as JSON' }
  },
  defaults: { 'log-level': 'warn' },
  prepare ({ config, into, table: only, from, 'dry-run': isDry, json }, { writers }) {
    const { uri, defaultsFile } = databaseOption('--into', into, writers)

    return async ctx => {
      const configuration = openBackup(config)
      const place = destinationOf(configuration, from)
      const source = await openSource(place, ctx.stop, release => { ctx.defer('what was fetched', release) })
      const tables = chosen(dumpedTables(source.manifests), only, configuration, source.name)
      if (isDry) {
        process.stdout.write(json ? `${JSON.stringify(tables)}\n` : plannedText(tables, source.name))
        return
      }
      const end = new AbortController()
      ctx.defer('the database server', () => { end.abort() })
      const target = await openTarget(uri, defaultsFile, AbortSignal.any([ctx.stop, end.signal]))
      const occupied = await target.occupied(tables)
      if (occupied.length > 0) throw new ConfigError('bad-option', `--into ${uri.text}: ${occupied.join(', ')} ${occupied.length === 1 ? 'has' : 'have'} rows already, and what comes to them could not be compared with what was backed up; stop what writes there, drop what may go, or name other tables by --table`)

      const outcome = await restoreAll(tables, source, target, ctx)
      process.stdout.write(json ? `${JSON.stringify(outcome)}\n` : restoreText(outcome))
      if (outcome.findings.length > 0) process.exitCode = wrong
      else if (outcome.outcome !== 'done') process.exitCode = 1
    }
  }
})

/** Of the database that is backed up. Throws `ConfigError` for a table of which there is no dump. */
function chosen (all: readonly DumpedTable[], only: readonly string[], { file, tables }: BackupConfiguration, place: string): DumpedTable[] {
  if (tables === null) throw new ConfigError('bad-option', `${file} names no database; write tables: with the one whose backups these are`)
  const database = tables.uri.path.slice(1)
  const found = all.filter(one => one.database === database)
  const unknown = only.filter(name => !found.some(({ table }) => table === name))
  if (unknown.length > 0) throw new ConfigError('bad-option', `--table ${unknown.join(', ')}: ${place} has no dump of it; there are ${found.map(({ table }) => table).join(', ')}`)
  if (found.length === 0) throw new ConfigError('bad-option', `${place} has no dump of the database ${database}; give another place by --from`)
  return only.length === 0 ? found : found.filter(({ table }) => only.includes(table))
}

async function restoreAll (tables: readonly DumpedTable[], source: Source, target: RestoreTarget, ctx: CommandContext): Promise<RestoreOutcome> {
  const done: Restored = { tables: 0, days: 0, rows: 0 }
  const findings: Finding[] = []
  const failures: string[] = []
  const progress = startProgress(ctx, 'restore')
  progress.expect(tables.flatMap(({ dumps }) => dumps).reduce((sum, { source: { bytes } }) => sum + bytes, 0))
  const passed = ({ source: { bytes } }: Dump): void => { progress.advance(bytes) }
  try {
    await target.begin()
    for (const table of tables) {
      if (ctx.stop.aborted) break
      await restoreTable(table, { source, target, stop: ctx.stop, see: found => { findings.push(found) }, passed }, done)
    }
    if (!ctx.stop.aborted) await target.finish()
  } catch (error) {
    if (!ctx.stop.aborted && (error instanceof ConfigError || !(error instanceof VanadiumError || isOfDatabase(error)))) throw error
    failures.push(messageOf(error))
  } finally {
    progress.end()
  }
  return restoreOutcome({ isStopped: ctx.stop.aborted, done, findings, failures, from: source.name })
}
