import { createProgress, durationText } from '../text.js'
import { statesOf, systemctl, type UnitState } from './systemd.js'
import type { Unit } from './units.js'

/** How often it is looked, and how often that is written where no terminal shows it in place, in milliseconds. */
const lookMs = 1000
const writeMs = 5000

/**
 * Has systemd do something with units. Until that is done it is shown for which it is not, as `isDue` tells by its `ActiveState`. What systemd
 * is told is `names`: it begins with one before it reads the next, so that their order is sure to be kept only where the target is the first.
 * Resolves with what systemd says went wrong; empty if nothing did.
 */
export async function inOrder (verb: string, units: readonly Unit[], isDue: (active: string) => boolean, names = units.map(({ unit }) => unit)): Promise<string> {
  if (names.length === 0) return ''
  const progress = createProgress(process.stdout.isTTY && process.stderr.isTTY)
  const startedMs = Date.now()
  let writtenMs = startedMs
  let looking: Promise<void> = Promise.resolve()

  async function look (): Promise<void> {
    const states = await statesOf(units.map(({ unit }) => unit))
    const due = units.filter(({ unit }) => isDue(states.get(unit)?.active ?? ''))
    if (due.length === 0) return
    const text = `${verb}, after ${durationText(Date.now() - startedMs)} still to be done, ${due.length} of ${units.length}: ${due.map(({ name, unit }) => withWords(name, states.get(unit))).join(', ')}`
    progress.show(text)
    if (process.stderr.isTTY || Date.now() - writtenMs < writeMs) return
    writtenMs = Date.now()
    process.stdout.write(`${text}\n`)
  }

  const timer = setInterval(() => { looking = looking.then(look).catch(() => {}) }, lookMs)
  try {
    const { code, stderr } = await systemctl(verb, ...names)
    return code === 0 ? '' : stderr.trim()
  } finally {
    clearInterval(timer)
    await looking
    progress.end()
  }
}

/** What a daemon said of itself before it stopped, or was told to start, is none of its words any more. */
function withWords (name: string, state: UnitState | undefined): string {
  const speaks = state?.active === 'deactivating' || state?.sub === 'start'
  return speaks && state.text !== '' ? `${name} (${state.text})` : name
}
