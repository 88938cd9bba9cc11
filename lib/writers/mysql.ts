import { hostname } from 'node:os'
import { ConfigError } from '../errors.js'
import { createLongStrings, longStringChoices, type LongStringChoice } from '../sql/long-strings.js'
import { LeaseKeeper } from '../sql/mysql/lease.js'
import { connectionOptions, Session, type SessionOptions } from '../sql/mysql/session.js'
import { mysqlStore, silenceSeconds } from '../sql/mysql/store.js'
import { TableWriter } from '../sql/table-writer.js'
import type { Context, WriterHandler } from '../stream/contracts.js'
import { streamOf } from '../stream/uri.js'
import { version } from '../version.js'

export interface MysqlWriterParams {
  'defaults-file': string
  'batch-rows': number
  'batch-bytes': number
  'long-strings': LongStringChoice
  lease: string
  'lease-seconds': number
  'lease-ask-seconds': number
}

/** Rows: the log should tell what they wait for. */
const rowsWaitSeconds = 30

/**
 * A change of a table waits for the transactions that use it, and whoever comes later waits for the change: so it gives up soon and is
 * tried again. An index is worth more patience, because it has been built before its lock is asked for the last time.
 */
const alterWaitSeconds = 1
const indexWaitSeconds = 10

/** Who takes a lease must not wait long for who changes its tables. */
const leaseWaitSeconds = 2
/** Nor for one that has been stopped in the middle of that. */
const leaseSilenceSeconds = 3

const allowed = 'mysql://user@host:port/database?defaults-file=/etc/mysql/vanadium.cnf'

export const mysqlWriter: WriterHandler<MysqlWriterParams> = {
  schemes: ['mysql'],
  summary: 'Stores events in MySQL or MariaDB, one table for each revision of a schema.',
  examples: [
    'mysql://127.0.0.1:3306/log?defaults-file=/etc/mysql/vanadium.cnf',
    'mysql:///log?defaults-file=/etc/mysql/vanadium.cnf',
    'mysql://db.example.org/log?defaults-file=/etc/mysql/vanadium.cnf&lease=events'
  ],
  needs: ['path'],
  params: {
    type: 'object',
    properties: {
      'defaults-file': { type: 'string', default: '', description: 'A my.cnf file whose [client] group has user, password, host, port, socket, ssl-ca; read again at each connect. Without one: the present user, no password.' },
      'batch-rows': { type: 'integer', minimum: 1, default: 5000, description: 'Rows after which a transaction begins at the latest; two such loads are in memory at most.' },
      'batch-bytes': { type: 'integer', minimum: 1, default: 8 << 20, description: 'The same in bytes of events.' },
      'long-strings': { type: 'string', enum: longStringChoices, default: 'cut', description: 'What becomes of a string that is longer than its column: it is cut and counted, or its event goes to the dead letters.' },
      lease: { type: 'string', pattern: '^[A-Za-z0-9_.-]{0,64}$', default: '', description: 'Of several consumers of the same events that name the same lease here, one writes and the others stand by; 1 to 64 of `A-Z a-z 0-9 _ . -`. Without one this consumer writes.' },
      'lease-seconds': { type: 'integer', minimum: 2, maximum: 300, default: 8, description: 'When the one that writes is not heard of for so long, another takes over. The same for all.' },
      'lease-ask-seconds': { type: 'integer', minimum: 1, maximum: 86_400, default: 60, description: 'When the one that writes does not store for so long what another has, that one asks for the lease and stores it; at most once in five times as long.' }
    },
    additionalProperties: false
  },

  check (uri) {
    if (!/^\/[^/]{1,64}$/.test(uri.path)) throw new ConfigError('bad-uri', `${uri.text}: "${uri.path}" is not the name of a database; write ${allowed}`)
  },

  checkSecrets (uri, params) {
    connectionOptions(uri, params['defaults-file'])
  },

  async open (uri, params, ctx) {
    const defaultsFile = params['defaults-file']
    // an operator's mistake shows now, a server that is away later
    connectionOptions(uri, defaultsFile)
    const limits = { rows: params['batch-rows'], bytes: params['batch-bytes'], longStrings: createLongStrings(params['long-strings'], ctx) }
    return await Promise.resolve(new TableWriter(ctx, streamOf(uri.text), limits, held => {
      const options = { uri, defaultsFile, held }
      const lease = params.lease === '' ? null : leaseOf(ctx, params, options)
      const rows = new Session(ctx, { ...options, purpose: 'rows', lockWaitSeconds: rowsWaitSeconds, ...(lease === null ? {} : { silenceSeconds: silenceSeconds(params['lease-seconds']) }) })
      rows.warmUp()
      return mysqlStore(ctx, {
        rows,
        tables: new Session(ctx, { ...options, purpose: 'tables', lockWaitSeconds: alterWaitSeconds }),
        indexes: new Session(ctx, { ...options, purpose: 'indexes', lockWaitSeconds: indexWaitSeconds })
      }, lease)
    }))
  }
}

/** Throws `ConfigError` when there can be no state, whose identity tells members apart. */
function leaseOf (ctx: Context, params: MysqlWriterParams, options: Pick<SessionOptions, 'uri' | 'defaultsFile' | 'held'>): LeaseKeeper {
  const seconds = params['lease-seconds']
  // names of hosts have 64 characters at most
  const [host, instance] = [hostname(), ctx.name.slice(0, 150)]
  const session = new Session(ctx, { ...options, purpose: 'lease', lockWaitSeconds: leaseWaitSeconds, silenceSeconds: leaseSilenceSeconds, askMs: Math.max(2000, seconds * 375), mostPauseMs: seconds * 250 })
  return new LeaseKeeper(ctx, session, {
    name: params.lease,
    member: `${host}/${instance}/${ctx.state.id}`,
    host,
    instance,
    seconds,
    askSeconds: params['lease-ask-seconds'],
    version: version()
  })
}
