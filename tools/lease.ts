import { defineCommand } from '../lib/cli/command.js'
import { readLease } from '../lib/sql/mysql/lease-tables.js'
import { databaseTarget, withDeadline } from './check/database.js'
import { leaseText } from './lease/report.js'
import { leaseName, leaseOptions, unreadable } from './lease/options.js'

/** For a server that is silent. */
const mostSeconds = 30
/** Of the exit. */
const nobodyWrites = 2

export const lease = defineCommand({
  name: 'lease',
  summary: 'Shows which of several consumers of the same events writes into the database, and who stands by.',
  examples: [
    ['vanadium lease --read \'mysql://db.example.org/log?defaults-file=/etc/vanadium/check.cnf\' --lease events', 'who writes, who stands by, and how far each is behind'],
    ['vanadium lease --read \'mysql:///log?defaults-file=/etc/vanadium/check.cnf\' --lease events --json | jq -r .holder', 'for a script']
  ],
  notes: 'The lease is what consumers name in their output: mysql://…?lease=NAME. Times are those of the database server.\n' +
    'Exit codes besides the usual ones: 2, nobody has the lease.\n\n',
  options: {
    ...leaseOptions,
    json: { type: 'boolean', default: false, description: 'As JSON, one object; null if nobody ever had the lease' }
  },
  defaults: { 'log-level': 'warn' },
  prepare ({ read, lease: given, json }, transports) {
    const target = databaseTarget('--read', read, transports, ['mysql'])
    const name = leaseName(given)

    return async ({ stop }) => {
      const over = new AbortController()
      try {
        const db = withDeadline(await target.open('lease', AbortSignal.any([stop, over.signal])), mostSeconds, () => { over.abort() })
        const found = await readLease(async sql => await db.query(sql), name)
        process.stdout.write(json ? `${JSON.stringify(found)}\n` : leaseText(found, name))
        if (found === null || found.holder === '') process.exitCode = nobodyWrites
      } catch (error) {
        throw unreadable(target.name, error)
      } finally {
        over.abort()
      }
    }
  }
})
