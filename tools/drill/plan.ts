import { shortName } from '../lease/report.js'
import { canariesPerSecond } from './canaries.js'
import type { Pair } from './pair.js'
import { mostDisturbedSeconds } from './patience.js'
import type { DrillSettings } from './session.js'

/** What a drill will do, for whoever has to agree. */
export function planText ({ writer, standby }: Pair, { lease, database, fronts, way, withinSeconds, stays, reports }: DrillSettings, operators: readonly string[]): string {
  const [own, other] = [shortName(writer), shortName(standby)]
  const steps = [
    `${canariesPerSecond} canaries a second go to ${fronts.map(({ name }) => name).join(' and ')}, and their rows are looked for in ${database}`,
    `${own}, which writes, is disturbed:\n${indented(way.disturb)}`,
    `${other}, or another standby, is to take over, and its first row to come, within ${withinSeconds} s`,
    `it is put back, by a process of its own if this one is killed, and after ${mostDisturbedSeconds(withinSeconds)} s in any case:\n${indented(way.restore)}`,
    `${own} is to stand by, and to be well`,
    stays ? 'the lease stays where it is then' : `the lease is asked back for ${own}; again within ${withinSeconds} s`,
    `canaries are counted; the report goes to ${reports}${operators.length === 0 ? '' : `, and by mail to ${operators.join(', ')}, who are told before, too`}`
  ]
  return `Fail-over drill of the lease ${lease}:\n${steps.map((step, at) => `${at + 1}. ${step}`).join('\n')}\n`
}

function indented (text: string): string {
  return text.split('\n').map(line => `     ${line}`).join('\n')
}
