import { readFileSync } from 'node:fs'
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { parseDocument } from 'yaml'
import { codeOf, ConfigError, messageOf } from '../errors.js'
import type { Limits, SchemaEntry, Thresholds } from './entry.js'
import { registrySchema, type EntryInFile, type RetentionInFile } from './registry-schema.js'
import { retentionOf } from './retention.js'

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
  retention?: Pick<RetentionInFile, 'days'>
  schemas?: Record<string, EntryInFile | null>
}

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

/** What of a registry can be used, whatever is wrong with the rest: for who has to tell somebody that. */
export function openUsableRegistry (path?: string): { registry: Registry, problem: string | null } {
  try {
    return { registry: openRegistry(path), problem: null }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { registry: registryOf(usable(path ?? defaultRegistryFile), path ?? defaultRegistryFile), problem: error.message }
  }
}

/** The parts at its top that are good by themselves. */
function usable (path: string): object {
  try {
    const value = valueOf(readFileSync(path, 'utf8'), path)
    return Object.fromEntries(Object.entries(value as object).filter(([name, part]: [string, unknown]) => isGood({ [name]: part }, path)))
  } catch {
    return {}
  }
}

function isGood (value: object, path: string): boolean {
  try {
    registryOf(value, path)
    return true
  } catch {
    return false
  }
}

/** `path` is for messages. Throws `ConfigError` that names each line that is wrong. */
export function readRegistry (text: string, path: string): Registry {
  return registryOf(valueOf(text, path), path)
}

function registryOf (value: unknown, path: string, nowMs = Date.now()): Registry {
  const file = checked(value, path)
  checkUrls(path, file)
  const schemas = new Map(Object.entries(file.schemas ?? {}))
  const { graphite = 'http://127.0.0.1:8080' } = file
  for (const [name, entry] of schemas) checkOrder(path, `schemas/${name}/`, entry?.thresholds)
  checkOrder(path, '', file.thresholds)
  return {
    operators: file.operators ?? [],
    mail: { from: 'vanadium@localhost', via: 'smtp://127.0.0.1:25', ...file.mail },
    graphite: withoutSlash(graphite),
    graphiteLink: withoutSlash(file['graphite-link'] ?? withoutLogin(graphite)),
    documentation: withoutSlash(file.documentation ?? 'file:///usr/share/doc/vanadium'),
    names: [...schemas.keys()].sort(),
    find (schema) {
      return entryOf(schemas.get(schema) ?? {}, file, nowMs)
    }
  }
}

function entryOf (entry: EntryInFile, { thresholds, retention }: RegistryFile, nowMs: number): SchemaEntry {
  const people = (entry.owners ?? []).map(owner => typeof owner === 'string' ? { name: null, mail: owner } : { name: null, ...owner })
  return {
    owners: people.map(({ mail }) => mail),
    people,
    team: entry.team ?? null,
    description: entry.description ?? null,
    thresholds: { ...defaultThresholds, ...thresholds, ...entry.thresholds },
    sampling: entry.sampling === undefined ? null : { by: null, ...entry.sampling },
    retention: retentionOf(entry.retention ?? {}, retention?.days ?? defaultDays, nowMs),
    volume: entry.volume ?? null,
    user: entry.user ?? null
  }
}

/** What the text says, whatever that is. */
function valueOf (text: string, path: string): unknown {
  const document = parseDocument(text, { prettyErrors: true })
  const [mistake] = document.errors
  // below its first line it has the text itself, which may have a password in it
  if (mistake !== undefined) throw new ConfigError('bad-registry', `${path}: ${mistake.message.split('\n')[0]?.replace(/:$/, '') ?? ''}`)
  try {
    return withoutNulls((document.toJS({ maxAliasCount: mostAliases }) as unknown) ?? {})
  } catch (cause) {
    // of the yaml package: an alias of nothing, or too many of them
    throw new ConfigError('bad-registry', `${path}: ${messageOf(cause)}; write out what aliases stand for`, { cause })
  }
}

/** A name without anything below it, because that is commented out, is as good as absent. */
function withoutNulls (value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).filter(([, below]) => below !== null))
}

/** What aliases may grow into: a few lines can become gigabytes. */
const mostAliases = 100
const mostProblems = 20

let validate: ValidateFunction<RegistryFile> | undefined

function checked (value: unknown, path: string): RegistryFile {
  validate ??= new Ajv({ allErrors: true, verbose: true }).compile<RegistryFile>(registrySchema)
  if (validate(value)) return value
  const problems = [...new Set((validate.errors ?? []).filter(({ keyword }) => keyword !== 'propertyNames').map(describe))]
  const more = problems.length > mostProblems ? [`and ${problems.length - mostProblems} more`] : []
  throw new ConfigError('bad-registry', `${path}: ${[...problems.slice(0, mostProblems), ...more].join('; ')}`)
}

/** For which events are kept whole: what the original promised. */
const defaultDays = 90

const defaultThresholds: Thresholds = { invalid: { warning: 0.05, critical: 0.2 } }

/** People do not get the password with which the checks come in. */
/** Of a URL that people are shown. */
export function withoutLogin (url: string): string {
  const bare = new URL(url)
  bare.username = bare.password = ''
  return bare.href
}

/** What the patterns let through, and is none all the same: a password with a `/` or `%` in it, most often. */
function checkUrls (path: string, { graphite, mail, ...file }: RegistryFile): void {
  const urls = { graphite, 'graphite-link': file['graphite-link'], documentation: file.documentation, 'mail/via': mail?.via?.startsWith('/') === true ? undefined : mail?.via }
  for (const [place, url] of Object.entries(urls)) {
    if (url !== undefined && !isUrl(url)) throw new ConfigError('bad-registry', `${path}: ${place}: what is given is no URL; in a name or password write / ? # @ % as %2F %3F %23 %40 %25`)
  }
}

function isUrl (text: string): boolean {
  try {
    const { username, password } = new URL(text)
    decodeURIComponent(username + password)
    return !text.replace(/^[a-z]+:\/\//, '').replace(/@/, '').split('/')[0]?.includes('@')
  } catch {
    return false
  }
}

function withoutSlash (url: string): string {
  return url.replace(/\/+$/, '')
}

/** An alarm that comes before its warning is a slip of the pen. */
function checkOrder (path: string, place: string, thresholds: Thresholds = {}): void {
  for (const [name, limits] of Object.entries(thresholds) as Array<[string, Limits]>) {
    const { warning, critical } = limits
    if (name === 'under' ? critical <= warning : critical >= warning) continue
    throw new ConfigError('bad-registry', `${path}: ${place}thresholds/${name}: critical ${critical} comes before warning ${warning}; give ${name === 'under' ? 'at most' : 'at least'} ${warning}`)
  }
}

function describe ({ instancePath, keyword, message, params, data, parentSchema, propertyName }: ErrorObject): string {
  const place = instancePath === '' ? 'at the top' : instancePath.slice(1)
  const definition = parentSchema as { properties?: object, description?: string } | undefined
  if (keyword === 'additionalProperties') {
    return `${place}: there is no ${shown(params['additionalProperty'])}; allowed are ${Object.keys(definition?.properties ?? {}).join(', ')}`
  }
  const problem = keyword === 'pattern' && definition?.description !== undefined ? `is wrong; give ${definition.description}` : message ?? 'is wrong'
  return `${place}: ${mayHavePassword.test(place) ? 'what is given' : shown(propertyName ?? data)} ${problem}`
}

const mayHavePassword = /^(at the top|mail|mail\/via|graphite|graphite-link|documentation)$/
const mostShown = 100

function shown (value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > mostShown ? `${text.slice(0, mostShown)}…` : text
}
