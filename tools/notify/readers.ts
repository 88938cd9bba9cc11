import { messageOf } from '../../lib/errors.js'
import { stagesOf, type Stage } from '../check/stages.js'
import { durationText, numberText } from '../text.js'

/** Behind by less is usual. */
const leastSeconds = 60
const most = 5

/** Which readers of journals are behind, the slowest first, in a line each; and why that cannot be told, where it cannot. */
export function readersBehind (states: { readonly directory: string } | { readonly host: string }): { readonly lines: readonly string[], readonly problem: string | null } {
  // this host may have states as well
  if ('host' in states) return { lines: [], problem: `it is not known here: see vanadium check lag -v on ${states.host}` }
  const { directory: stateDirectory } = states
  try {
    const { stages, unreadable, hasJournals } = stagesOf(stateDirectory)
    const late = stages.map(stage => ({ stage, seconds: Math.max(0, ...stage.behind.map(({ seconds }) => seconds)) }))
      .filter(({ stage, seconds }) => seconds >= leastSeconds || stage.up === false)
      .sort((a, b) => b.seconds - a.seconds)
    const problem = unreadable.length === 0 ? hasJournals ? null : unknown(`no daemon here has a journal, in ${stateDirectory}`) : unknown(`${unreadable.map(({ instance }) => instance).slice(0, most).join(', ')} cannot be read`)
    return { lines: late.slice(0, most).map(({ stage, seconds }) => lineOf(stage, seconds)), problem }
  } catch (error) {
    return { lines: [], problem: unknown(messageOf(error)) }
  }
}

function unknown (reason: string): string {
  return `cannot be told for all: ${reason}`
}

function lineOf ({ name, behind, up, waiting, lastError }: Stage, seconds: number): string {
  const records = behind.reduce((sum, one) => sum + one.records, 0)
  const parts = [
    ...(up === false ? ['is down'] : []),
    records === 0 ? 'lacks nothing yet' : `${numberText(records)} records behind, the oldest for ${durationText(seconds * 1000)}`,
    ...(waiting === null ? [] : [`waits for ${waiting.store} since ${durationText(Date.now() - waiting.sinceMs)}: ${waiting.reason}`]),
    ...(up === false && lastError !== null ? [`last error: ${lastError.message}`] : [])
  ]
  return `${name}: ${parts.join('; ')}`.slice(0, 300)
}
