import type { Log } from '../../lib/log.js'
import type { BackupConfiguration } from '../../lib/backup/configuration.js'
import type { RulesInForce } from '../../lib/purge/rules.js'
import type { SchemaRepository } from '../../lib/event/schemas.js'
import type { Removals } from './removals.js'
import type { Tally } from './tally.js'

/** What all parts of a run work with. */
export interface Means {
  readonly configuration: BackupConfiguration
  readonly rules: RulesInForce
  readonly schemas: Pick<SchemaRepository, 'list'>
  /** Nothing is changed: only the tally says what would be. */
  readonly isDry: boolean
  /** What is missing in tables and archives goes from the backup, too. */
  readonly acceptsMissing: boolean
  readonly host: string
  readonly removals: Removals
  /** Destinations that could not be asked what they have, and why: they get nothing. */
  readonly unasked: Map<string, string>
  /** Paths of the backup that were found to be damaged: they are not sent, unless they are made anew. */
  readonly damaged: Set<string>
  readonly tally: Tally
  readonly stop: AbortSignal
  readonly log: Log
  /** What is being done now, for whoever waits. */
  show (what: string): void
}
