import { execFileSync } from 'node:child_process'
import { copyFileSync, createReadStream, createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { needsMariadb, startMariadb, type Mariadb } from '../test/helpers/mariadb.js'
import { executable } from '../test/helpers/daemon.js'
import { until } from '../test/helpers/wait.js'
import { CpuShares } from './cpu.js'
import { benchEvent, writeLines } from './lines.js'
import { compare, perSecond, thousands, type Measurement } from './measure.js'
import { startShipped, type Shipped } from './shipped.js'

/** Lines before those that are measured: they make the table, and the engine translates what it runs often. */
const warmLines = 10_000
/** Of design section 12, in lines a second: of two cores that do nothing else. */
const [leastRate, aimedRate] = [12_000, 25_000]
/** Longer than any round, in milliseconds. */
const deadlineMs = 300_000

/**
 * The shipped chain, from a file of lines into a table of MariaDB, against the server loading the same rows from a file of its own.
 * Everything is synced as it is shipped: the journals of three daemons at each save, the server's log at each commit.
 *
 * From a file and not from UDP, because at full speed something must wait: a file does, datagrams are dropped.
 */
export async function benchChain (directory: string, records: number, rounds: number): Promise<Measurement | null> {
  if (needsMariadb !== false) {
    process.stderr.write(`chain: left out, ${needsMariadb}\n`)
    return null
  }
  const [warm, lines] = [join(directory, 'warm.log'), join(directory, 'chain.log')]
  await writeLines(lines, records)
  await writeLines(warm, warmLines, records)
  const server = await startMariadb(['--innodb-buffer-pool-size=1G', '--innodb-log-file-size=1G'])
  try {
    const database = await server.database()
    const pid = await pidOf(server)
    const shares = new CpuShares()
    const loading = new CpuShares()
    const pass = async (shares: CpuShares): Promise<number> => await passThrough({ server, database, pid, warm, lines, records }, shares)
    const load = async (): Promise<number> => {
      await server.query('TRUNCATE TABLE BenchEvent_1', database)
      const end = loading.begin(new Map([['mariadbd', pid]]))
      const since = process.hrtime.bigint()
      await server.query('LOAD DATA INFILE \'chain.tsv\' INTO TABLE BenchEvent_1', database)
      const rate = perSecond(records + warmLines, since)
      end(records + warmLines)
      return rate
    }
    process.stderr.write('  a first pass, which is not counted, makes the rows for the reference …\n')
    await pass(new CpuShares())
    await server.query('SELECT * FROM BenchEvent_1 INTO OUTFILE \'chain.tsv\'', database)
    await load()
    const { rate, reference } = await compare(rounds, async () => await pass(shares), load)
    return {
      what: 'chain into MySQL',
      rate,
      reference,
      referenceIs: 'LOAD DATA INFILE of the same rows on the server',
      floor: 0.15,
      aim: 0.4,
      notes: [
        `chain into MySQL: ${thousands(rate)} lines/s; of two cores of its own ${thousands(leastRate)} are asked for, ${thousands(aimedRate)} the aim.`,
        `${shares}`,
        `  Two cores can do at most ${thousands(2e6 / shares.total)} lines/s at that. LOAD DATA INFILE takes ${loading.total.toFixed(1)} µs a row.`
      ].join('\n')
    }
  } finally {
    await server.stop()
  }
}

interface Pass {
  readonly server: Mariadb
  readonly database: string
  /** Of the server. */
  readonly pid: number
  readonly warm: string
  readonly lines: string
  readonly records: number
}

/** Resolves with lines a second, from the first one to the last row that is committed. */
async function passThrough ({ server, database, pid, warm, lines, records }: Pass, shares: CpuShares): Promise<number> {
  // on a disk: it is synced
  const directory = mkdtempSync(join(tmpdir(), 'vanadium-bench-'))
  const input = `${lines}.followed`
  let chain: Shipped | null = null
  try {
    await server.query('DROP TABLE IF EXISTS BenchEvent_1', database)
    copyFileSync(warm, input)
    chain = await startShipped({
      directory,
      inputs: [`file://${input}?follow=true&poll-interval=100`],
      store: `mysql://root@127.0.0.1:${server.port}/${database}`
    })
    await visible(server, database, records + warmLines - 1)
    const end = shares.begin(new Map([...[...chain.daemons].map(([name, { child }]) => [name, child.pid ?? 0] as const), ['mariadbd', pid]]))
    const since = process.hrtime.bigint()
    await pipeline(createReadStream(lines, { highWaterMark: 1 << 20 }), createWriteStream(input, { flags: 'a' }))
    await visible(server, database, records - 1)
    const rate = perSecond(records, since)
    end(records)
    await chain.stop()
    chain = null
    await balances(join(directory, 'state'))
    const [row] = await server.query('SELECT count(*) AS n FROM BenchEvent_1', database)
    if (Number(row?.['n']) !== records + warmLines) throw new Error(`of ${records + warmLines} lines ${String(row?.['n'])} are in the table`)
    return rate
  } finally {
    for (const { child } of chain?.daemons.values() ?? []) child.kill('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
    rmSync(input, { force: true })
  }
}

/** Resolves when the row of that line is there; the others are counted later. */
async function visible (server: Mariadb, database: string, line: number): Promise<void> {
  const uuid = String(benchEvent(line)['uuid'])
  await until(`line ${line} is in the table`, async () => {
    try {
      return (await server.query(`SELECT 1 FROM BenchEvent_1 WHERE uuid = '${uuid}'`, database)).length > 0
    } catch (error) {
      if (error instanceof Error && 'errno' in error && error.errno === 1146) return false
      throw error
    }
  }, deadlineMs)
}

export async function pidOf (server: Mariadb): Promise<number> {
  const [row] = await server.query('SELECT @@pid_file AS file')
  return Number(readFileSync(String(row?.['file']), 'utf8'))
}

/** Throws with what is missing. */
export async function balances (state: string): Promise<void> {
  await Promise.resolve(execFileSync(process.execPath, [executable, 'ledger', '--quiet', '--state', state], { encoding: 'utf8' }))
}
