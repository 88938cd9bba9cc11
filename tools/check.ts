import type { CommandGroup } from '../lib/cli/command.js'
import { backup, backupRehearse, backupVerify } from './check/backups.js'
import { canary } from './check/canary.js'
import { drill } from './check/drill.js'
import { graphite } from './check/graphite.js'
import { invalid } from './check/invalid.js'
import { jobs } from './check/jobs.js'
import { journal } from './check/journal.js'
import { lag } from './check/lag.js'
import { lease } from './check/lease.js'
import { ledger } from './check/ledger.js'
import { purge } from './check/purge.js'
import { replication } from './check/replication.js'
import { states } from './check/result.js'
import { schemas } from './check/schemas.js'

export const check: CommandGroup = {
  name: 'check',
  summary: 'Monitoring plug-ins, for Icinga and whoever else calls such: exit codes 0 to 3, one line, performance data.',
  nothingDone: states.unknown,
  commands: [backup, backupRehearse, backupVerify, canary, drill, graphite, invalid, jobs, journal, lag, lease, ledger, purge, replication, schemas]
}
