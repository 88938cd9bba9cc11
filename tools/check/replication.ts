import { messageOf } from '../../lib/errors.js'
import { classify } from '../../lib/sql/errors.js'
import { durationText } from '../text.js'
import { databaseTarget, type CheckedDatabase, type DatabaseTarget, type Row } from './database.js'
import { defineCheck, type CheckContext } from './plug-in.js'
import { stateOf, worst, type Figure, type Result, type State } from './result.js'

export const replication = defineCheck({
  name: 'replication',
  summary: 'How many seconds a replica of MySQL or MariaDB is behind; critical if its threads do not run.',
  examples: [
    ['vanadium check replication --read \'mysql://db2.example.org/information_schema?defaults-file=/etc/vanadium/check.cnf\'', 'warning after 5 minutes, critical after 30'],
    ['vanadium check replication --read \'mysql:///information_schema?defaults-file=/etc/vanadium/check.cnf\' -w 60 -c 600 -v', 'on the replica itself, through its socket']
  ],
  notes: 'User, password and TLS are in the defaults-file. The account needs REPLICA MONITOR (MariaDB) or REPLICATION CLIENT (MySQL) and nothing\n' +
    'else; /etc/mysql/vanadium-accounts.sql has it. A server that is no replica, or does not answer, is CRITICAL; one that does not let the\n' +
    'account look is UNKNOWN. The seconds are the server\'s own: 0 also where the primary has not sent what it has; check canary, reading from\n' +
    'the replica, sees that.\n\n',
  options: {
    read: { type: 'string', demandOption: true, requiresArg: true, description: 'The replica: a mysql: URI as a consumer has it' }
  },
  ranges: { warning: '300', critical: '1800' },
  light: false,
  prepare ({ read }, _common, _ranges, transports) {
    const target = databaseTarget('--read', read, transports)

    return async ctx => {
      const timer = new AbortController()
      const timeout = setTimeout(() => { timer.abort() }, ctx.timeoutMs)
      try {
        return resultOf((await statusOf(target, AbortSignal.any([ctx.stop, timer.signal]))).map(row => judged(row, ctx)), target.name, ctx)
      } catch (error) {
        const isLate = timer.signal.aborted
        if (!isLate && classify(error) !== 'wait') throw error
        return { state: 'critical', summary: `the replica does not answer: ${isLate ? `nothing for ${ctx.timeoutMs / 1000} s` : messageOf(error)}`, details: [target.name] }
      } finally {
        clearTimeout(timeout)
      }
    }
  }
})

/** Of the statements, the one that shows all connections of a replica, also before and after names were changed. */
const statements = {
  mariadb: ['SHOW ALL REPLICAS STATUS', 'SHOW ALL SLAVES STATUS'],
  mysql: ['SHOW REPLICA STATUS', 'SHOW SLAVE STATUS']
} as const
const syntaxError = 1064

async function statusOf (target: DatabaseTarget, stop: AbortSignal): Promise<readonly Row[]> {
  const [server] = await (await target.open('check replication', stop)).query('SELECT VERSION() AS version')
  const [now, before] = statements[/mariadb/i.test(String(server?.['version'])) ? 'mariadb' : 'mysql']
  const open = async (): Promise<CheckedDatabase> => await target.open('check replication', stop)
  try {
    return await (await open()).query(now)
  } catch (error) {
    if ((error as { errno?: unknown }).errno !== syntaxError) throw error
    return await (await open()).query(before)
  }
}

interface Judged {
  readonly state: State
  /** In a few words. */
  readonly text: string
  /** What goes before its figure, where there are several. */
  readonly label: string
  readonly source: string
  readonly seconds: number | null
}

/** Columns have the names of MySQL 8.0.22 and later, or older ones, which MariaDB keeps. */
function judged (row: Row, { warning, critical }: CheckContext): Judged {
  const value = (...names: string[]): string => names.map(name => row[name]).filter(found => found !== undefined && found !== null).map(String)[0] ?? ''
  const label = value('Connection_name', 'Channel_Name')
  const behind = value('Seconds_Behind_Source', 'Seconds_Behind_Master')
  const threads = [
    { name: 'receiver (IO) thread', runs: value('Replica_IO_Running', 'Slave_IO_Running'), error: value('Last_IO_Error') },
    { name: 'SQL thread', runs: value('Replica_SQL_Running', 'Slave_SQL_Running'), error: value('Last_SQL_Error') }
  ]
  const common = { label, source: `${value('Source_Host', 'Master_Host')}:${value('Source_Port', 'Master_Port')}`, seconds: behind === '' ? null : Number(behind) }
  const broken = threads.find(({ runs }) => runs !== 'Yes')
  if (broken !== undefined) {
    const does = broken.runs === 'No' ? 'does not run' : `is ${broken.runs.toLowerCase()}`
    return { ...common, state: 'critical', text: `the ${broken.name} ${does}${broken.error === '' ? '' : `: ${broken.error}`}` }
  }
  if (common.seconds === null) return { ...common, state: 'warning', text: 'how far it is behind is not known yet' }
  return { ...common, state: stateOf(common.seconds, warning, critical), text: `${durationText(common.seconds * 1000)} behind` }
}

function resultOf (found: readonly Judged[], server: string, { warning, critical, verbose }: CheckContext): Result {
  const state = worst(found.map(one => one.state))
  const [guilty, ...others] = found.filter(one => one.state === state).sort((a, b) => (b.seconds ?? 0) - (a.seconds ?? 0))
  if (guilty === undefined) return { state: 'critical', summary: 'the server is no replica: nothing is set up to be followed', details: [server] }
  return {
    state,
    summary: `${guilty.label === '' ? '' : `${guilty.label}: `}${guilty.text}${others.length > 0 ? `; ${others.length} more` : ''}`,
    details: found.filter(one => verbose || one.state !== 'ok').map(({ label, source, text }) => `${server} follows ${source}${label === '' ? '' : ` (${label})`}: ${text}`),
    figures: found.flatMap(({ label, seconds }): Figure[] => seconds === null ? [] : [{ label: label === '' ? 'behind' : `${label}.behind`, value: seconds, unit: 's', warning, critical, min: 0 }])
  }
}
