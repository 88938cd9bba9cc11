import { createSocket } from 'node:dgram'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise'
import { needsMariadb, startMariadb, type Mariadb } from '../test/helpers/mariadb.js'
import { until } from '../test/helpers/wait.js'
import { balances, pidOf } from './chain.js'
import { CpuShares } from './cpu.js'
import { benchEvent, clientLine } from './lines.js'
import type { Measurement } from './measure.js'
import { startShipped, type Shipped } from './shipped.js'

const perSecond = 1000
/** What daemons do when they are not told otherwise, in milliseconds: the reference. */
const flushIntervalMs = 1000
const loneEvents = 5
/** Between two looks into the table, in milliseconds. */
const lookMs = 4
const deadlineMs = 60_000

/**
 * From a datagram that is sent to its row being seen, by somebody else who looks into the table every few milliseconds, through the
 * shipped chain, at 1,000 events a second, and of events that nothing follows. UDP as it is shipped: at this rate nothing is dropped.
 */
export async function benchLatency (_directory: string, records: number, rounds: number): Promise<Measurement | null> {
  if (needsMariadb !== false) {
    process.stderr.write(`latency: left out, ${needsMariadb}\n`)
    return null
  }
  const directory = mkdtempSync(join(tmpdir(), 'vanadium-bench-'))
  const server = await startMariadb(['--innodb-buffer-pool-size=1G'])
  let chain: Shipped | null = null
  try {
    const database = await server.database()
    chain = await startShipped({ directory, inputs: 'udp', store: `mysql://root@127.0.0.1:${server.port}/${database}` })
    const pids = new Map([...[...chain.daemons].map(([name, { child }]) => [name, child.pid ?? 0] as const), ['mariadbd', await pidOf(server)]])
    const table = await watchTable(server, database)
    const sender = createSender(chain.udpPort)
    const shares = new CpuShares()
    // the first ones make the table
    await sendAll(sender, table, 3 * perSecond)
    const results: Percentiles[] = []
    for (let round = 1; round <= rounds; round++) {
      const end = shares.begin(pids)
      results.push(percentiles(await sendAll(sender, table, records)))
      end(records)
      process.stderr.write(`  round ${round} of ${rounds}: ${textOf(results.at(-1))}\n`)
    }
    const lone = await loneOnes(sender, table)
    await table.close()
    sender.close()
    await chain.stop()
    chain = null
    await balances(join(directory, 'state'))
    results.sort((a, b) => a.p99 - b.p99)
    const result = results[Math.floor(rounds / 2)]
    const { p99 = 0 } = result ?? {}
    return {
      what: 'line in, row visible (p99)',
      rate: p99,
      reference: flushIntervalMs,
      referenceIs: 'the flush interval; the ratio is how often p99 goes into it',
      unit: 'ms',
      floor: 0.5,
      aim: 1,
      notes: [
        `line in, row visible, at ${perSecond}/s: ${textOf(result)}; an event that nothing follows: ${lone.map(ms => Math.round(ms)).join(', ')} ms.`,
        `  A look into the table every ${table.medianLook().toFixed(0)} ms; a row is taken to be visible half-way between the look that did not see it and the one that did.`,
        `${shares}`
      ].join('\n')
    }
  } finally {
    for (const { child } of chain?.daemons.values() ?? []) child.kill('SIGKILL')
    await server.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Resolves with how long each took, in milliseconds. */
async function sendAll (sender: Sender, table: Table, records: number): Promise<number[]> {
  const first = sender.sent.length
  const lines = Array.from({ length: records }, (_, i) => Buffer.from(clientLine(first + i)))
  const start = performance.now()
  while (sender.sent.length < first + records) {
    const due = Math.min(records, Math.ceil((performance.now() - start) / 1000 * perSecond))
    for (let i = sender.sent.length - first; i < due; i++) sender.send(lines[i] ?? Buffer.alloc(0))
    await sleep(2)
  }
  await table.has(first, first + records)
  return lines.map((_, i) => (table.seen.get(first + i) ?? 0) - (sender.sent[first + i] ?? 0))
}

/** One after the other, each when nothing is on its way, at different phases of whatever is periodic. */
async function loneOnes (sender: Sender, table: Table): Promise<number[]> {
  const took: number[] = []
  for (let i = 0; i < loneEvents; i++) {
    await sleep(1200 + i * 170)
    took.push(...await sendAll(sender, table, 1))
  }
  return took
}

interface Sender {
  /** When, by number. */
  readonly sent: number[]
  send (line: Buffer): void
  close (): void
}

function createSender (port: number): Sender {
  const socket = createSocket('udp4')
  const sent: number[] = []
  return {
    sent,
    send (line) {
      sent.push(performance.now())
      socket.send(line, port, '127.0.0.1')
    },
    close () { socket.close() }
  }
}

/** Somebody who looks into the table. */
interface Table {
  /** When the row of that number became visible. */
  readonly seen: ReadonlyMap<number, number>
  /** Resolves when all rows from `first` to before `end` were seen. */
  has (first: number, end: number): Promise<void>
  /** How long a look and the pause after it take, in milliseconds. */
  medianLook (): number
  close (): Promise<void>
}

async function watchTable (server: Mariadb, database: string): Promise<Table> {
  const connection = await mysql.createConnection({ socketPath: server.socket, user: 'root', database })
  const seen = new Map<number, number>()
  const looks: number[] = []
  let isOpen = true
  const offset = Number((benchEvent(0)['event'] as { revisionId: number }).revisionId)
  let failure: unknown
  const watching = watch().catch((error: unknown) => { failure = error })

  async function watch (): Promise<void> {
    let last = 0
    let before = performance.now()
    while (isOpen) {
      const rows = await rowsAfter(connection, last)
      const now = performance.now()
      for (const { id, number } of rows) {
        last = Math.max(last, Number(id))
        seen.set(Number(number) - offset, (before + now) / 2)
      }
      looks.push(now - before)
      before = now
      await sleep(lookMs)
    }
  }

  return {
    seen,
    async has (first, end) {
      let next = first
      await until(`the rows of ${first} to ${end - 1} are seen`, () => {
        if (failure !== undefined) throw failure
        while (seen.has(next)) next++
        return next >= end
      }, deadlineMs)
    },
    medianLook: () => looks.sort((a, b) => a - b)[looks.length >> 1] ?? 0,
    async close () {
      isOpen = false
      await watching
      await connection.end()
    }
  }
}

/** None as long as there is no table. */
async function rowsAfter (connection: Connection, id: number): Promise<RowDataPacket[]> {
  try {
    const [rows] = await connection.query<RowDataPacket[]>(`SELECT id, event_revisionId AS number FROM BenchEvent_1 WHERE id > ${id}`)
    return rows
  } catch (error) {
    if (error instanceof Error && 'errno' in error && error.errno === 1146) return []
    throw error
  }
}

interface Percentiles { readonly p50: number, readonly p95: number, readonly p99: number, readonly max: number }

function percentiles (values: readonly number[]): Percentiles {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) }
}

function textOf (percentiles: Percentiles | undefined): string {
  return Object.entries(percentiles ?? {}).map(([name, ms]) => `${name} ${Math.round(Number(ms))} ms`).join(', ')
}
