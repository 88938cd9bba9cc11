import t from 'tap'
import { fuzzTarget } from './fuzz-target.js'
import { repeatOf, textOf } from './report.js'

/** Of processor time, for each target, or five times as long if the machine is busy with others; `make fuzz` takes longer. */
const seconds = 2

/** One test for each of these targets. */
export function fuzzInTests (...names: string[]): void {
  // another one each day: what one day does not find another may, and all who test on a day find the same
  const seed = Math.floor(Date.now() / 86_400_000) * 10_000_000 % 0x1_0000_0000
  for (const name of names) {
    t.test(`no crash, no input that takes too long, no growth: ${name}`, async t => {
      const started = performance.now()

      const report = await fuzzTarget(name, { seconds, seed })

      t.comment(textOf(name, report, performance.now() - started))
      t.equal(report.finding, null, report.finding === null ? 'nothing is found' : repeatOf(report.finding))
      t.ok(report.inputs >= 10, 'inputs were tried')
    })
  }
}
