import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { about, aboutLater, ConfigError } from '../errors.js'
import type { Context, Handler, Reader, Writer } from './contracts.js'
import { checkDepth, parseUri, withoutInner, type Uri } from './uri.js'

type AnyHandler<T> = Handler<object, T>

interface Entry<T> {
  readonly handler: AnyHandler<T>
  readonly validate: ValidateFunction
}

/** The readers, or the writers, that a process knows, by scheme. */
export class Schemes<T extends Reader | Writer> {
  readonly #kind: 'reader' | 'writer'
  readonly #entries = new Map<string, Entry<T>>()
  readonly #ajv = new Ajv({ coerceTypes: true, useDefaults: true, allErrors: true })

  constructor (kind: 'reader' | 'writer') {
    this.#kind = kind
  }

  /** Adds a handler; a scheme that is taken already is refused with `ConfigError`. */
  add<P extends object> (handler: Handler<P, T>): this {
    const entry = { handler: handler as unknown as AnyHandler<T>, validate: this.#ajv.compile(handler.params) }
    for (const scheme of handler.schemes) {
      if (this.#entries.has(scheme)) throw new ConfigError('bad-plugin', `there is a ${this.#kind} for ${scheme}: already`)
      this.#entries.set(scheme, entry)
    }
    return this
  }

  /** Every handler once, in the order added. */
  handlers (): Array<AnyHandler<T>> {
    return [...new Set([...this.#entries.values()].map(entry => entry.handler))]
  }

  /** Everything that can be known to be wrong without opening anything. Throws `ConfigError`. */
  check (text: string): { uri: Uri, params: object, handler: AnyHandler<T> } {
    return about(text, () => this.#check(text, 0))
  }

  #check (text: string, depth: number): { uri: Uri, params: object, handler: AnyHandler<T> } {
    const parsed = parseUri(text)
    checkDepth(depth, parsed.text)
    const entry = this.#entries.get(parsed.scheme)
    if (entry === undefined) {
      const known = [...this.#entries.keys()].sort().join(', ')
      throw new ConfigError('bad-uri', `${parsed.text}: there is no ${this.#kind} for "${parsed.scheme}:"; schemes that can be ${this.#kind === 'reader' ? 'read' : 'written'}: ${known}`)
    }
    const { handler } = entry
    if (parsed.password !== null) {
      throw new ConfigError('bad-uri', `${parsed.text}: a password does not belong on a command line or into an argument file, where others read it; put it into a file; for example ${handler.examples[0] ?? ''}`)
    }
    const uri = handler.wraps === true ? withoutInner(parsed, Object.keys(handler.params.properties)) : parsed
    for (const need of handler.needs ?? []) {
      if (uri[need] === null || uri[need] === '') throw new ConfigError('bad-uri', `${uri.text}: the ${need} is missing; for example ${handler.examples[0] ?? ''}`)
    }
    const params = readOptions(uri, entry.validate, handler.params.properties)
    handler.check?.(uri, params)
    if (handler.wraps === true) this.#check(uri.rest, depth + 1)
    return { uri, params, handler }
  }

  /** The same of a stream that this process is going to open: the files with its passwords and keys are looked at, too. */
  checkOwn (text: string): void {
    about(text, () => {
      const { uri, params, handler } = this.check(text)
      handler.checkSecrets?.(uri, params)
      if (handler.wraps === true) this.checkOwn(uri.rest)
    })
  }

  async open (text: string, ctx: Context): Promise<T> {
    const { uri, params, handler } = this.check(text)
    return await aboutLater(text, async () => await handler.open(uri, params, ctx))
  }
}

function readOptions (uri: Uri, validate: ValidateFunction, properties: object): object {
  const params: Record<string, string> = Object.create(null) as Record<string, string>
  for (const [name, value] of uri.query) {
    if (name in params) throw new ConfigError('bad-uri', `${uri.text}: option "${name}" is given twice`)
    params[name] = value
  }
  // twice: ajv coerces "Infinity" to a number, and asks only then whether numbers may be infinite
  if (validate(params) && validate(params)) return params
  const allowed = Object.keys(properties).sort().join(', ')
  const problems = (validate.errors ?? []).map(error => describe(error, uri))
  throw new ConfigError('bad-uri', `${uri.text}: ${problems.join('; ')}; allowed options: ${allowed === '' ? 'none' : allowed}`)
}

function describe (error: ErrorObject, uri: Uri): string {
  const option = error.instancePath.slice(1)
  // coercion may already have replaced the value: show what the operator wrote
  const came = uri.query.find(([name]) => name === option)?.[1] ?? ''
  switch (error.keyword) {
    case 'additionalProperties': return `unknown option "${String(error.params.additionalProperty)}"`
    case 'required': return `option "${String(error.params.missingProperty)}" is missing`
    case 'enum': return `option "${option}" is "${came}", must be one of ${(error.params.allowedValues as unknown[]).join(', ')}`
    default: return `option "${option}" is "${came}", ${error.message ?? 'not allowed'}`
  }
}
