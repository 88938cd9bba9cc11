import { statesOf } from './systemd.js'
import type { Unit } from './units.js'
import { stateWords } from './words.js'

/** Of the exit: something is not as it should be. */
export const notWell = 2

/** Says which of these do not run, after they should have been started. */
export async function tellOutcome (units: readonly Unit[]): Promise<void> {
  const states = await statesOf(units.map(({ unit }) => unit))
  const down = units.filter(({ unit }) => !/^(active|reloading)$/.test(states.get(unit)?.active ?? ''))
  for (const { name, unit } of down) {
    const state = states.get(unit)
    process.stdout.write(`${name} does not run: ${state === undefined ? 'systemd does not know it' : stateWords(state)}${state === undefined || state.text === '' ? '' : `: ${state.text}`}\n`)
  }
  process.stdout.write(`${units.length - down.length} of ${units.length} run${down.length === 0 ? '' : '; vanadiumctl status has more'}\n`)
  if (down.length > 0) process.exitCode = notWell
}
