import { parseRange, type Range } from '../check/range.js'
import { stateOf } from '../check/result.js'

/** A figure of a plug-in. */
export interface ReadFigure {
  readonly label: string
  readonly value: number
  readonly warning: Range | undefined
  readonly critical: Range | undefined
}

const shape = /(?:'([^']+)'|([^\s'=]+))=(-?\d+(?:\.\d+)?)(?:[A-Za-z%]*)(?:;([^\s;]*))?(?:;([^\s;]*))?\S*/g
const most = 200

/** What can be read of performance data (https://www.monitoring-plugins.org/doc/guidelines.html#AEN197). */
export function readPerfdata (text: string): ReadFigure[] {
  return [...text.matchAll(shape)].slice(0, most).map(([, quoted, plain, value, warning, critical]) => ({
    label: quoted ?? plain ?? '',
    value: Number(value),
    warning: rangeOf(warning),
    critical: rangeOf(critical)
  }))
}

/** The labels of those that are beyond a limit, as the plug-in ordered them. */
export function alerting (figures: readonly ReadFigure[]): string[] {
  return figures.filter(({ value, warning, critical }) => stateOf(value, warning, critical) !== 'ok').map(({ label }) => label)
}

/** Of others' plug-ins it may be anything. */
function rangeOf (text: string | undefined): Range | undefined {
  if (text === undefined || text === '') return undefined
  try {
    return parseRange('perfdata', text)
  } catch {
    return undefined
  }
}
