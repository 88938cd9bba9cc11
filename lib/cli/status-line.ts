import type { Pulse } from './pulse.js'
import { durationText, numberText } from './text.js'

type Figures = Pick<Pulse, 'rate' | 'lag' | 'memoryBytes'>

/** Of what is waited for at the same time, which a daemon with many stores could do. */
const mostWaits = 20

/** What an instance does, in words, as `systemctl status` shows it: `1,204 records/s, 35 behind (2 s), 88 MB`. */
export class StatusLine {
  readonly #say: (text: string) => void
  /** What it does besides its work; null while it does that. */
  #doing: string | null = 'starting'
  #isStarting = true
  #figures: Figures | null = null
  #reload = ''
  readonly #waits = new Map<string, { readonly why: string, readonly sinceMs: number }>()

  constructor (say: (text: string) => void) {
    this.#say = say
  }

  /** What is opened now; what is opened later is part of the work. */
  opening (what: string): void {
    if (this.#isStarting) this.#doing = `starting: opening ${what}`
    this.#tell()
  }

  /** Null for its work. */
  doing (what: string | null): void {
    this.#isStarting = false
    this.#doing = what
    this.#tell()
  }

  /** Null when it is not waited for any more. */
  waiting (what: string, why: string | null): void {
    const before = this.#waits.get(what)
    if (why === null) this.#waits.delete(what)
    else if (before !== undefined || this.#waits.size < mostWaits) this.#waits.set(what, { why, sinceMs: before?.sinceMs ?? Date.now() })
    if (before?.why !== this.#waits.get(what)?.why) this.#tell()
  }

  readonly figures = (figures: Figures): void => {
    this.#figures = figures
    this.#tell()
  }

  /** `failure`: why what was loaded before stays in force. */
  reloaded (failure: string | null): void {
    const time = new Date().toISOString().replace(/\.\d+/, '')
    this.#reload = failure === null ? `reloaded ${time}` : `reload failed ${time}: ${failure}`
    this.#tell()
  }

  #tell (): void {
    this.#say([this.#doing, ...this.#waiting(), this.#doing === null ? textOf(this.#figures) : null, this.#doing === null ? this.#reload : null].filter(part => part !== null && part !== '').join('; '))
  }

  #waiting (): string[] {
    return [...this.#waits].map(([what, { why, sinceMs }]) => `waiting for ${what}: ${why} (${durationText(Date.now() - sinceMs)})`)
  }
}

function textOf (figures: Figures | null): string {
  if (figures === null) return 'running'
  const { rate, lag, memoryBytes } = figures
  const behind = lag === null ? [] : [`${numberText(lag.records)} behind${lag.records === 0 ? '' : ` (${durationText(lag.seconds * 1000)})`}`]
  return [`${numberText(Math.round(rate))} records/s`, ...behind, `${numberText(Math.round(memoryBytes / 1e6))} MB`].join(', ')
}
