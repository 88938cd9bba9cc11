/** `make fuzz`: each target for a while, longer than the tests do. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fuzzTarget } from './fuzz-target.js'
import { findingsOf, type Report } from './harness.js'
import { repeatOf, textOf } from './report.js'
import { targets } from './targets/index.js'

const options = new Map(process.argv.slice(2).map(argument => argument.replace(/^--/, '').split('=') as [string, string]))
const seed = Number(options.get('seed') ?? Date.now() % 1e9)
const seconds = Number(options.get('seconds') ?? 60)
const inputs = options.has('inputs') ? Number(options.get('inputs')) : undefined
const only = options.get('target')
const chosen = targets.filter(({ name }) => only === undefined || name === only)
if (chosen.length === 0) throw new Error(`TARGET=${only ?? ''}: give one of ${targets.map(({ name }) => name).join(', ')}`)

process.stdout.write(`seed ${seed}, ${seconds} s of processor time a target\n`)
for (const { name } of chosen) {
  const started = performance.now()
  const tell = (report: Report): void => { process.stdout.write(`${textOf(name, report, performance.now() - started)}\n`) }
  const report = await fuzzTarget(name, { seconds, seed, ...(inputs === undefined ? {} : { inputs }) }, tell)
  tell(report)
  const { finding } = report
  if (finding === null) continue
  process.exitCode = 1
  process.stdout.write(repeatOf(finding))
  if (finding.input === null || typeof finding.seed === 'string') continue
  const directory = findingsOf(name)
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, `${finding.kind}-${finding.seed ?? 0}.json`), `${finding.input}\n`)
}
