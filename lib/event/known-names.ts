import type { SchemaRepository } from './schemas.js'

/** How often, in milliseconds, the repository is asked for what it knows by now. */
const learnMs = 1000

/** The names of the repository's schemas: what may be counted by name. Others come from the internet, and there is no end of them. */
export class KnownNames {
  readonly #schemas: SchemaRepository
  #names: ReadonlySet<string> = new Set()
  #learnAt = 0

  constructor (schemas: SchemaRepository) {
    this.#schemas = schemas
  }

  has (name: string): boolean {
    if (this.#names.has(name)) return true
    if (Date.now() < this.#learnAt) return false
    this.#learnAt = Date.now() + learnMs
    this.#names = new Set(this.#schemas.list().map(schema => schema.name))
    return this.#names.has(name)
  }
}
