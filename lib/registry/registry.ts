import { readFileSync } from 'node:fs'
import { Ajv, type ErrorObject } from 'ajv'
import { parseDocument } from 'yaml'
import { codeOf, ConfigError, messageOf } from '../errors.js'
import { registrySchema } from './registry-schema.js'

/** From where on a figure is worth a warning, and from where on an alarm. */
export interface Limits {
  readonly warning: number
  readonly critical: number
}

/** What is normal for a schema. */
export interface Thresholds {
  /** Events a second, or more. */
  readonly over?: Limits
  /** Events a second, or fewer. */
  readonly under?: Limits
  /** Share of the events that do not validate, from 0 to 1. */
  readonly invalid?: Limits
}

/** What is known of a schema besides its shape. */
export interface SchemaEntry {
  /** Addresses that are told what is wrong with its events. */
  readonly owners: readonly string[]
  readonly thresholds: Thresholds
}

/** How mail leaves the host. */
export interface MailOptions {
  readonly from: string
  /** `smtp://host:port`, `smtps://user@host:port`, or the path of a sendmail program. */
  readonly via: string
}

/** What is known of schemas, and whom to tell what. */
export interface Registry {
  /** Addresses that are told what is wrong with the pipeline. */
  readonly operators: readonly string[]
  readonly mail: MailOptions
  /** Base URL of graphite-web, with no slash at its end: for checks and pictures. */
  readonly graphite: string
  /** The same as people reach it from their browsers. */
  readonly graphiteLink: string
  /** Base URL of the pages under docs, with no slash at its end: for links in mails. */
  readonly documentation: string
  /** Names of the schemas that have an entry, sorted. */
  readonly names: readonly string[]
  /** What holds for a schema, with defaults; without owners if it has no entry. */
  find (schema: string): SchemaEntry
}

export const defaultRegistryFile = '/etc/vanadium/registry.yaml'

interface RegistryFile {
  operators?: string[]
  mail?: Partial<MailOptions>
  graphite?: string
  'graphite-link'?: string
  documentation?: string
  thresholds?: Thresholds
  schemas?: Record<string, { owners?: string[], thresholds?: Thresholds } | null>
}

const validate = new Ajv({ allErrors: true, verbose: true }).compile(registrySchema)

/** Reads a registry. Without a path that of the installed layout, which may be missing: then nothing but defaults is known. Throws `ConfigError`. */
export function openRegistry (path?: string): Registry {
  let text
  try {
    text = readFileSync(path ?? defaultRegistryFile, 'utf8')
  } catch (error) {
    if (path === undefined && codeOf(error) === 'ENOENT') return readRegistry('', defaultRegistryFile)
    throw new ConfigError('bad-registry', `--registry ${path ?? defaultRegistryFile} cannot be read: ${messageOf(error)}; give a file as etc/vanadium/registry.yaml`, { cause: error })
  }
  return readRegistry(text, path ?? defaultRegistryFile)
}

/** `path` is for messages. Throws `ConfigError` that names each line that is wrong. */
export function readRegistry (text: string, path: string): Registry {
  const document = parseDocument(text, { prettyErrors: true })
  const [mistake] = document.errors
  if (mistake !== undefined) throw new ConfigError('bad-registry', `${path}: ${mistake.message.replace(/\s+/g, ' ')}`)
  const value = (document.toJS({ maxAliasCount: 100 }) as unknown) ?? {}
  if (!validate(value)) {
    const problems = (validate.errors ?? []).map(error => describe(error))
    throw new ConfigError('bad-registry', `${path}: ${problems.join('; ')}`)
  }
  const file = value as RegistryFile
  const schemas = new Map(Object.entries(file.schemas ?? {}))
  const { graphite = 'http://127.0.0.1:8080' } = file
  for (const [name, entry] of schemas) checkOrder(path, `schemas/${name}`, entry?.thresholds)
  checkOrder(path, '', file.thresholds)
  return {
    operators: file.operators ?? [],
    mail: { from: 'vanadium@localhost', via: '/usr/sbin/sendmail', ...file.mail },
    graphite: withoutSlash(graphite),
    graphiteLink: withoutSlash(file['graphite-link'] ?? graphite),
    documentation: withoutSlash(file.documentation ?? 'file:///usr/share/doc/vanadium'),
    names: [...schemas.keys()].sort(),
    find (schema) {
      const entry = schemas.get(schema)
      return { owners: entry?.owners ?? [], thresholds: { ...defaultThresholds, ...file.thresholds, ...entry?.thresholds } }
    }
  }
}

const defaultThresholds: Thresholds = { invalid: { warning: 0.05, critical: 0.2 } }

function withoutSlash (url: string): string {
  return url.replace(/\/+$/, '')
}

/** An alarm that comes before its warning is a slip of the pen. */
function checkOrder (path: string, place: string, thresholds: Thresholds = {}): void {
  for (const [name, limits] of Object.entries(thresholds) as Array<[string, Limits]>) {
    const { warning, critical } = limits
    if (name === 'under' ? critical <= warning : critical >= warning) continue
    throw new ConfigError('bad-registry', `${path}: ${place}/thresholds/${name}: critical ${critical} comes before warning ${warning}; give ${name === 'under' ? 'at most' : 'at least'} ${warning}`)
  }
}

function describe ({ instancePath, keyword, message, params, data, parentSchema }: ErrorObject): string {
  const place = instancePath === '' ? 'at the top' : instancePath.slice(1)
  if (keyword === 'additionalProperties') {
    const allowed = Object.keys(parentSchema?.['properties'] as object).join(', ')
    return `${place}: there is no "${String(params['additionalProperty'])}"; allowed are ${allowed}`
  }
  return `${place}: ${JSON.stringify(data)} ${message ?? 'is wrong'}`
}
