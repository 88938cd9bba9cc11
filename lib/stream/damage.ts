import { existsSync, readdirSync, renameSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { codeOf, ConfigError, messageOf, StreamError } from '../errors.js'

/**
 * A damaged database is set aside, never deleted, and nothing takes its place by itself: numbers would be given a second time, and
 * inputs read again from their start (docs/decisions/0007).
 */

/** What SQLite throws when it finds that a file is not as it wrote it. */
export function isDamage (cause: unknown): boolean {
  return /^SQLITE_(CORRUPT|NOTADB)/.test(codeOf(cause) ?? '')
}

/** Watches what is done with a database for damage. */
export class Health {
  readonly #file: string
  #damage: ConfigError | null = null

  constructor (file: string) {
    this.#file = file
  }

  /** Throws `ConfigError` for damage, and again from then on; `StreamError` for what else the database refuses. */
  attempt<T> (work: () => T): T {
    if (this.#damage !== null) throw this.#damage
    try {
      return work()
    } catch (cause) {
      if (codeOf(cause)?.startsWith('SQLITE_') !== true) throw cause
      if (!isDamage(cause)) throw diskError(this.#file, cause)
      throw this.#damage = damagedError(this.#file, asideName(this.#file), cause)
    }
  }

  get isDamaged (): boolean {
    return this.#damage !== null
  }

  /** To be called when the database is closed. */
  setAsideIfDamaged (): void {
    const to = this.#damage?.details['set_aside']
    if (typeof to === 'string') setAside(this.#file, to)
  }
}

export function diskError (file: string, cause: unknown): StreamError {
  return new StreamError(codeOf(cause) === 'SQLITE_FULL' ? 'no-space' : 'cannot-write', `${file}: ${messageOf(cause)}`, { cause })
}

/** Sets the closed database aside. Returns what to throw. */
export function setAsideFor (file: string, cause: unknown): ConfigError {
  const to = asideName(file)
  setAside(file, to)
  return damagedError(file, to, cause)
}

/** Throws if the state of an instance was set aside and nothing was put in its place. */
export function refuseWithout (file: string): void {
  // an empty file is what a repair that failed leaves
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0) return
  const aside = readdirSync(dirname(file)).filter(name => name.startsWith(`${basename(file)}.damaged-`) && !/-(wal|shm)$/.test(name)).sort().at(-1)
  if (aside === undefined) return
  throw new ConfigError('damaged-state', `--state: ${file} was found damaged and set aside as ${join(dirname(file), aside)}; ${remedy(file)}`)
}

function damagedError (file: string, to: string, cause: unknown): ConfigError {
  return new ConfigError('damaged-state', `--state: ${file} is damaged (${messageOf(cause)}), and is set aside as ${to}; ${remedy(file)}`, { cause, set_aside: to })
}

function remedy (file: string): string {
  return `see what can be read with vanadium journal check, and go on with that: vanadium journal salvage; or put a sound copy in the place of ${file}; or, to begin anew, move what was set aside out of that directory`
}

function asideName (file: string): string {
  return `${file}.damaged-${new Date().toISOString().replace(/[-:]|\.\d+/g, '')}`
}

/** With what SQLite has beside it, which it then finds under the new name, too. */
function setAside (file: string, to: string): void {
  for (const suffix of ['', '-wal', '-shm']) {
    if (existsSync(`${file}${suffix}`)) renameSync(`${file}${suffix}`, `${to}${suffix}`)
  }
}
