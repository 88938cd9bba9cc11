/**
 * `make bench`: the figures of docs/performance.md. `node dist/bench/index.js [--records N] [--rounds N] [processor|forwarder|mysql …]`
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { benchForwarder } from './forwarder.js'
import { table, type Measurement } from './measure.js'
import { benchMysql } from './mysql.js'
import { benchProcessor } from './processor.js'

type Bench = (directory: string, records: number, rounds: number) => Promise<Measurement | null>

const benches: Record<string, Bench> = {
  processor: benchProcessor,
  forwarder: async (_directory, records, rounds) => await benchForwarder(records, rounds),
  mysql: benchMysql
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { records: { type: 'string', default: '200000' }, rounds: { type: 'string', default: '3' } }
})
const names = positionals.length === 0 ? Object.keys(benches) : positionals
const directory = mkdtempSync(join(tmpdir(), 'vanadium-bench-'))
const rows: Measurement[] = []

try {
  for (const name of names) {
    const bench = benches[name]
    if (bench === undefined) throw new Error(`there is no benchmark "${name}"; there are ${Object.keys(benches).join(', ')}`)
    process.stderr.write(`${name}: ${values.rounds} rounds of ${values.records} records …\n`)
    const row = await bench(directory, Number(values.records), Number(values.rounds))
    if (row !== null) rows.push(row)
  }
} finally {
  rmSync(directory, { recursive: true, force: true })
}

process.stdout.write(`\n${table(rows)}\n\nNode ${process.version}, ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}). Ratios are of one run; rates depend on the machine.\n`)
const low = rows.filter(({ rate, reference, floor }) => floor !== null && rate / reference < floor)
for (const { what, floor } of low) process.stdout.write(`${what} is below its floor of ${floor}\n`)
process.exitCode = low.length === 0 ? 0 : 1
