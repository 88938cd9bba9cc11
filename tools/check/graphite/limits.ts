import type { Series } from '../../../lib/graphite/client.js'
import type { Finding } from '../findings.js'
import type { Range } from '../range.js'
import { inWords, judge, measured } from './points.js'

/** One for each series; without a figure, and without an alert, where there is no data. */
export function findLimits (series: readonly Series[], { warning, critical, percent }: { warning: Range | undefined, critical: Range | undefined, percent: number }): Finding[] {
  return series.map(one => {
    const found = measured(one)
    if (found === null) return { name: one.target, state: 'ok', text: 'no data', weight: 0 }
    const judgement = judge(found, warning, critical, percent)
    return {
      name: one.target,
      state: judgement.state,
      text: inWords(judgement, found),
      weight: judgement.beyond / found.values.length,
      figure: { label: one.target, value: found.last, warning, critical }
    }
  })
}
