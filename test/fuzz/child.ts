/** One target in a process of its own, for `fuzzTarget`: progress and, at the end, the report go to stdout, a line of JSON each. */
import { openSync } from 'node:fs'
import { announcer, fuzz, type Report } from './harness.js'
import { findTarget } from './targets/index.js'

const [name = '', seconds = '1', inputs = '', seed = '0', seedFile = ''] = process.argv.slice(2)
const announce = announcer(openSync(seedFile, 'r+'))
const progressMs = 5000
let toldAt = performance.now()

const report = await fuzz(findTarget(name), { seconds: Number(seconds), inputs: inputs === '' ? Infinity : Number(inputs), seed: Number(seed) }, announce, done => {
  if (performance.now() - toldAt < progressMs) return
  toldAt = performance.now()
  tell({ progress: done })
})
tell({ report })
// sockets of ZeroMQ may take their time
process.exit()

function tell (line: { progress: Report } | { report: Report }): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
