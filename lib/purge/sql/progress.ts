import { StreamError } from '../../errors.js'
import type { PurgeDatabase, Statements } from './database.js'
import type { EventTable } from './event-tables.js'
import type { Stair } from './stairs.js'

const progressTable = 'vanadium_purge'

/** The row of the purge that is at work; only who wrote it last may go on. */
const ownRow = ''

/** What purges have noted in a database about what they did. Nobody else trusts it. */
export class Progress {
  readonly #db: PurgeDatabase
  readonly #run: string

  /** `run` tells this purge from others. */
  constructor (db: PurgeDatabase, run: string) {
    this.#db = db
    this.#run = run
  }

  /** Makes the table if need be; from now on any other purge of this database ends. */
  async begin (): Promise<void> {
    await this.#db.execute(`CREATE TABLE IF NOT EXISTS ${progressTable} (table_name VARCHAR(64) NOT NULL, policy VARCHAR(40) NOT NULL, until_id BIGINT NOT NULL,
      until_time VARCHAR(19) NOT NULL, until_time_id BIGINT NOT NULL, PRIMARY KEY (table_name, policy, until_id)) ${this.#db.types.options}`)
    await this.#db.transaction(async within => {
      await within.execute(`DELETE FROM ${progressTable} WHERE table_name = ${this.#db.literal(ownRow)}`)
      await this.#insert(within, ownRow, [{ policy: this.#run, id: 0, time: '', timeId: 0 }])
    })
  }

  /** To be called first in every transaction of the purge: others wait for its end. */
  async hold (within: Statements): Promise<void> {
    const held = await within.execute(`UPDATE ${progressTable} SET until_time_id = until_time_id + 1 WHERE table_name = ${this.#db.literal(ownRow)} AND policy = ${this.#db.literal(this.#run)}`)
    if (held !== 1) throw new StreamError('stopped', `${this.#db.name}: another purge has begun; this one ends`)
  }

  /** What was done in a table; nothing if it was made again since, as its ids began anew. */
  async load ({ name, nextId }: EventTable): Promise<Stair[]> {
    const rows = await this.#db.query(`SELECT policy, until_id, until_time, until_time_id FROM ${progressTable} WHERE table_name = ${this.#db.literal(name)}`)
    const stairs = rows.map(row => ({ policy: String(row['policy']), id: Number(row['until_id']), time: String(row['until_time']), timeId: Number(row['until_time_id']) }))
    return nextId !== null && stairs.some(({ id }) => id >= nextId) ? [] : stairs
  }

  async save (within: Statements, { name }: EventTable, stairs: readonly Stair[]): Promise<void> {
    await within.execute(`DELETE FROM ${progressTable} WHERE table_name = ${this.#db.literal(name)}`)
    await this.#insert(within, name, stairs)
  }

  async #insert (within: Statements, table: string, stairs: readonly Stair[]): Promise<void> {
    const tuples = stairs.map(({ policy, id, time, timeId }) => `(${[table, policy, id, time, timeId].map(value => this.#db.literal(value)).join(',')})`)
    await within.execute(`INSERT INTO ${progressTable} (table_name, policy, until_id, until_time, until_time_id) VALUES ${tuples.join(',')}`)
  }
}
