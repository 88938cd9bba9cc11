import { messageOf } from '../../lib/errors.js'
import { classify } from '../../lib/sql/errors.js'
import { followingOf, replicationStatus } from '../../lib/sql/mysql/replication.js'
import { durationText } from '../text.js'
import { databaseTarget, type CheckedDatabase, type Row } from './database.js'
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
    'else; /usr/share/doc/vanadium/examples/mysql/vanadium-accounts.sql has it. A server that is no replica, or does not answer, is CRITICAL; one that does not let the\n' +
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
      const open = async (): Promise<CheckedDatabase> => await target.open('check replication', AbortSignal.any([ctx.stop, timer.signal]))
      try {
        return resultOf((await replicationStatus(open)).map(row => judged(row, ctx)), target.name, ctx)
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

interface Judged {
  readonly state: State
  /** In a few words. */
  readonly text: string
  /** What goes before its figure, where there are several. */
  readonly label: string
  readonly source: string
  readonly seconds: number | null
}

function judged (row: Row, { warning, critical }: CheckContext): Judged {
  const { broken, ...common } = followingOf(row)
  if (broken !== null) return { ...common, state: 'critical', text: broken }
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
