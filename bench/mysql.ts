import { createWriteStream } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { needsMariadb, startMariadb } from '../test/helpers/mariadb.js'
import { daemon, finished } from './daemon.js'
import { benchEvent } from './lines.js'
import { compare, perSecond, type Measurement } from './measure.js'

/**
 * The MySQL consumer as a daemon, from a file of events to one table, against the server loading the same rows from a file of
 * its own with `LOAD DATA INFILE`: what no client can beat. The table is the consumer's, indexes included, emptied each time.
 */
export async function benchMysql (directory: string, records: number, rounds: number): Promise<Measurement | null> {
  if (needsMariadb !== false) {
    process.stderr.write(`mysql: left out, ${needsMariadb}\n`)
    return null
  }
  const input = join(directory, 'events.json')
  await writeEvents(input, records)
  const server = await startMariadb(['--innodb-buffer-pool-size=1G', '--innodb-log-file-size=1G'])
  try {
    const database = await server.database()
    const query = async (sql: string): Promise<unknown> => await server.query(sql, database)
    const consume = async (): Promise<number> => {
      await query('DROP TABLE IF EXISTS BenchEvent_1')
      const { child, ready } = daemon(['consumer', '--state', directory, '--schemas', join(import.meta.dirname, '..', '..', 'bench', 'schemas'),
        '--input', `file://${input}`, '--output', `mysql://root@127.0.0.1:${server.port}/${database}`])
      await ready
      const since = process.hrtime.bigint()
      await finished(child)
      return perSecond(records, since)
    }
    await consume()
    await query('SELECT * FROM BenchEvent_1 INTO OUTFILE \'rows.tsv\'')
    const load = async (): Promise<number> => {
      await query('TRUNCATE TABLE BenchEvent_1')
      const since = process.hrtime.bigint()
      await query('LOAD DATA INFILE \'rows.tsv\' INTO TABLE BenchEvent_1')
      return perSecond(records, since)
    }
    await load()
    const { rate, reference } = await compare(rounds, consume, load)
    return { what: 'MySQL consumer', rate, reference, referenceIs: 'LOAD DATA INFILE of the same rows on the server', floor: 0.5, aim: 0.8 }
  } finally {
    await server.stop()
  }
}

async function writeEvents (file: string, records: number): Promise<void> {
  const stream = createWriteStream(file)
  for (let i = 0; i < records; i++) {
    if (!stream.write(`${JSON.stringify(benchEvent(i))}\n`)) await once(stream, 'drain')
  }
  stream.end()
  await once(stream, 'close')
}
