/**
 * `make bench`: the figures of docs/performance.md. `node dist/bench/index.js [--records N] [--rounds N] [processor|forwarder|mysql …]`.
 */
import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { benchChain } from './chain.js'
import { benchForwarder } from './forwarder.js'
import { benchJournaled } from './journaled.js'
import { ratioOf, table, type Measurement } from './measure.js'
import { benchMysql } from './mysql.js'
import { benchProcessor } from './processor.js'

type Bench = (directory: string, records: number, rounds: number) => Promise<Measurement | null>

/** By name, and how many records make a round of some seconds. */
const benches: Record<string, { readonly bench: Bench, readonly records: number }> = {
  processor: { bench: benchProcessor, records: 2_000_000 },
  forwarder: { bench: async (_directory, records, rounds) => await benchForwarder(records, rounds), records: 200_000 },
  journaled: { bench: benchJournaled, records: 200_000 },
  mysql: { bench: benchMysql, records: 200_000 },
  chain: { bench: benchChain, records: 200_000 }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { records: { type: 'string' }, rounds: { type: 'string', default: '5' } }
})
const names = positionals.length === 0 ? Object.keys(benches) : positionals
const directory = mkdtempSync(join(hasRoom('/dev/shm') ? '/dev/shm' : tmpdir(), 'vanadium-bench-'))
const rows: Measurement[] = []

try {
  for (const name of names) {
    const chosen = benches[name]
    if (chosen === undefined) throw new Error(`there is no benchmark "${name}"; there are ${Object.keys(benches).join(', ')}`)
    const records = Number(values.records ?? chosen.records)
    process.stderr.write(`${name}: ${values.rounds} rounds of ${records} records …\n`)
    const row = await chosen.bench(directory, records, Number(values.rounds))
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
