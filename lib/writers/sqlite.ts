import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import { codeOf, ConfigError, messageOf, StreamError } from '../errors.js'
import { createLongStrings, longStringChoices, type LongStringChoice } from '../sql/long-strings.js'
import { createPatience } from '../sql/patience.js'
import { sqliteStore } from '../sql/sqlite/store.js'
import { TableWriter } from '../sql/table-writer.js'
import type { WriterHandler } from '../stream/contracts.js'
import { streamOf, type Uri } from '../stream/uri.js'

export interface SqliteWriterParams {
  'batch-rows': number
  'batch-bytes': number
  'long-strings': LongStringChoice
}

/** How long SQLite itself waits for another process that writes; it blocks this one meanwhile. */
const busyMs = 500

export const sqliteWriter: WriterHandler<SqliteWriterParams> = {
  schemes: ['sqlite'],
  summary: 'Stores events in a SQLite file, in the tables that `mysql` makes. Others may read while it writes.',
  examples: ['sqlite:///var/lib/vanadium/events.sqlite'],
  needs: ['path'],
  params: {
    type: 'object',
    properties: {
      'batch-rows': { type: 'integer', minimum: 1, default: 5000, description: 'Rows after which a transaction begins at the latest.' },
      'batch-bytes': { type: 'integer', minimum: 1, default: 8 << 20, description: 'The same in bytes of events.' },
      'long-strings': { type: 'string', enum: longStringChoices, default: 'cut', description: 'What becomes of a string that is longer than its column: it is cut and counted, or its event goes to the dead letters.' }
    },
    additionalProperties: false
  },

  check (uri) {
    if (uri.host !== null) throw new ConfigError('bad-uri', `${uri.text}: a SQLite file has no host; write sqlite:///path/of/the/file.sqlite`)
  },

  async open (uri, params, ctx) {
    const db = openDatabase(uri)
    const limits = { rows: params['batch-rows'], bytes: params['batch-bytes'], longStrings: createLongStrings(params['long-strings'], ctx) }
    return await Promise.resolve(new TableWriter(ctx, streamOf(uri.text), limits, held => sqliteStore(db, createPatience(ctx, { store: uri.text, held }), ctx)))
  }
}

/** Readers see whole transactions (WAL); what was committed survives a power cut (`synchronous=FULL`). */
function openDatabase (uri: Uri): Database.Database {
  let db: Database.Database | undefined
  try {
    mkdirSync(dirname(uri.path), { recursive: true })
    db = new Database(uri.path, { timeout: busyMs })
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = FULL')
    return db
  } catch (cause) {
    db?.close()
    if (codeOf(cause)?.startsWith('SQLITE_BUSY') === true) throw new StreamError('cannot-write', `${uri.text}: another process has locked the file`, { cause })
    throw new ConfigError('bad-uri', `${uri.text} cannot be opened: ${messageOf(cause)}; name a SQLite file, or a new one, in a directory that this user can write`, { cause })
  }
}
