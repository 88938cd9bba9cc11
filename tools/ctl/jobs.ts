import { createProgress, durationText } from '../text.js'
import { statesOf, systemctl } from './systemd.js'
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
    const text = `${verb}, after ${durationText(Date.now() - startedMs)} still to be done: ${due.map(({ name, unit }) => withWords(name, states.get(unit)?.text ?? '')).join(', ')}`
    if (due.length === 0) return
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

function withWords (name: string, text: string): string {
  return text === '' ? name : `${name} (${text})`
}
