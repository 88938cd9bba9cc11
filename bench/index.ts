/** `make bench`: the figures of docs/performance.md. `node dist/bench/index.js --help` says the rest. */
import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { benchChain } from './chain.js'
import { benchCurve } from './curve.js'
import { benchForwarder } from './forwarder.js'
import { benchHttp } from './http.js'
import { benchJournaled } from './journaled.js'
import { benchLatency } from './latency.js'
import { ratioOf, table, type Measurement } from './measure.js'
import { benchMerge } from './merge.js'
import { benchMonitor } from './monitor.js'
import { benchMysql } from './mysql.js'
import { benchProcessor } from './processor.js'

type Bench = (directory: string, records: number, rounds: number) => Promise<Measurement | null>

interface Choice {
  readonly bench: Bench
  readonly what: string
  /** How many records make a round of some seconds. */
  readonly records: number
  readonly rounds: number
}

const benches: Record<string, Choice> = {
  processor: { bench: benchProcessor, what: 'raw lines to validated events', records: 2_000_000, rounds: 5 },
  forwarder: { bench: async (_directory, records, rounds) => await benchForwarder(records, rounds), what: 'stream to stream', records: 200_000, rounds: 5 },
  journaled: { bench: benchJournaled, what: 'a journaled stream against a plain one', records: 200_000, rounds: 5 },
  http: { bench: benchHttp, what: 'beacons over http, against a bare server', records: 50_000, rounds: 5 },
  curve: { bench: async (directory, records, rounds) => await benchCurve(directory, records, rounds, true), what: 'a journaled stream with keys against one without', records: 200_000, rounds: 3 },
  'curve-plain': { bench: async (directory, records, rounds) => await benchCurve(directory, records, rounds, false), what: 'a plain stream with keys against one without', records: 200_000, rounds: 3 },
  monitor: { bench: benchMonitor, what: 'what counting 50,000 records a second takes', records: 1_000_000, rounds: 3 },
  merge: { bench: benchMerge, what: 'the logs of two hosts into one, against sort -u', records: 500_000, rounds: 3 },
  mysql: { bench: benchMysql, what: 'a file of events into a table; needs MariaDB', records: 200_000, rounds: 5 },
  chain: { bench: benchChain, what: 'the shipped chain, lines into a table, and what each process takes; needs MariaDB', records: 200_000, rounds: 3 },
  latency: { bench: benchLatency, what: 'from a line to its row, at 1,000 a second; needs MariaDB', records: 10_000, rounds: 3 }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { records: { type: 'string' }, rounds: { type: 'string' }, help: { type: 'boolean', default: false } }
})
if (values.help) {
  const width = Math.max(...Object.keys(benches).map(name => name.length))
  process.stdout.write('node dist/bench/index.js [--records N] [--rounds N] [NAME…]\n\nMeasures all, or those that are named; prints a table; ends with 1 if one is below its floor.\n\n' +
    Object.entries(benches).map(([name, { what, records, rounds }]) => `  ${name.padEnd(width)}  ${what} [${rounds} rounds of ${records}]\n`).join(''))
  process.exit()
}
const names = positionals.length === 0 ? Object.keys(benches) : positionals
const directory = mkdtempSync(join(hasRoom('/dev/shm') ? '/dev/shm' : tmpdir(), 'vanadium-bench-'))
const rows: Measurement[] = []

try {
  for (const name of names) {
    const chosen = benches[name]
    if (chosen === undefined) throw new Error(`there is no benchmark "${name}"; there are ${Object.keys(benches).join(', ')}`)
    const records = Number(values.records ?? chosen.records)
    const rounds = Number(values.rounds ?? chosen.rounds)
    process.stderr.write(`${name}: ${rounds} rounds of ${records} records …\n`)
    const row = await chosen.bench(directory, records, rounds)
    if (row !== null) rows.push(row)
  }
} finally {
  rmSync(directory, { recursive: true, force: true })
}

process.stdout.write(`\n${table(rows)}\n\nNode ${process.version}, ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}). Of each, the round with the median ratio; rates depend on the machine.\n`)
for (const { notes } of rows) if (notes !== undefined) process.stdout.write(`\n${notes}\n`)
const low = rows.filter(row => row.floor !== null && ratioOf(row) < row.floor)
for (const { what, floor } of low) process.stdout.write(`${what} is below its floor of ${floor}\n`)
process.exitCode = low.length === 0 ? 0 : 1

/** In memory, no disk is measured. */
function hasRoom (path: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize > 4 * 2 ** 30
  } catch {
    return false
  }
}
