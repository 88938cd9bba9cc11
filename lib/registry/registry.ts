import { ConfigError } from '../errors.js'
import type { SchemaEntry, Thresholds } from './entry.js'
import { examine, type Examined } from './examine.js'
import { defaultRegistryFile, readFiles, type Drafts } from './files.js'
import { problemText, type Problem } from './problem.js'
import type { EntryInFile, RegistryInFile } from './registry-schema.js'
import { retentionOf } from './retention.js'
import { defaultDays } from './rules.js'
import { readSource } from './source.js'

/** How mail leaves the host. */
export interface MailOptions {
  readonly from: string
  /** `smtp://host:port`, `smtps://user@host:port`, or the path of a sendmail program. */
  readonly via: string
  /** Has the password of the user in it; null if there is none, or `via` has it. */
  readonly passwordFile?: string | null
}

/** What is known of schemas, and whom to tell what. */
export interface Registry {
  /** Addresses that are told what is wrong with the pipeline. */
  readonly operators: readonly string[]
  readonly mail: MailOptions
  /** Base URL of graphite-web, with no slash at its end: for checks and pictures. */
  readonly graphite: string
  /** Has the password of the user in it; null if there is none, or the URL has it. */
  readonly graphitePasswordFile: string | null
  /** The same as people reach it from their browsers. */
  readonly graphiteLink: string
  /** Base URL of the pages under docs, with no slash at its end: for links in mails. */
  readonly documentation: string
  /** Names of the schemas that have an entry, sorted. */
  readonly names: readonly string[]
  /** What holds for a schema now, with defaults; without owners if it has no entry. */
  find (schema: string, nowMs?: number): SchemaEntry
  /** Files that it was read from; none if it has nothing but defaults. */
  readonly files: readonly string[]
  /** End dates that had passed when it was read: for schemas that have them the default days hold, and somebody should know. */
  readonly expired: readonly string[]
}

/** Reads a registry and its fragments. Without a path that which is installed, which may be missing: then nothing but defaults is known. Throws `ConfigError` that names each line that is wrong. */
export function openRegistry (path?: string, installed = defaultRegistryFile): Registry {
  const examined = examine(readFiles(path, new Map(), installed), Date.now())
  refuse(examined.problems)
  return registryOf(examined)
}

/** The same; an end date that has passed is a mistake, too. */
export function checkRegistry (path?: string): Registry {
  const { problems, ...rest } = examine(readFiles(path), Date.now())
  refuse([...problems, ...rest.expired])
  return registryOf(rest)
}

/** All that is wrong, end dates that have passed apart; and what can be used all the same. */
export function inspectRegistry (path?: string, drafts?: Drafts): { registry: Registry, problems: readonly Problem[], expired: readonly Problem[] } {
  const { problems, ...rest } = examine(readFiles(path, drafts), Date.now())
  return { registry: registryOf(rest), problems, expired: rest.expired }
}

/** What of a registry can be used, whatever is wrong with the rest: for who has to tell somebody that. */
export function openUsableRegistry (path?: string): { registry: Registry, problem: string | null } {
  const { problems, ...rest } = examine(readFiles(path), Date.now())
  return { registry: registryOf(rest), problem: problems.length === 0 ? null : messageOfProblems(problems) }
}

/** `path` is for messages. Throws `ConfigError` that names each line that is wrong. */
export function readRegistry (text: string, path: string): Registry {
  const source = readSource(path, text)
  const examined = examine(Array.isArray(source) ? { main: null, fragments: [], problems: source } : { main: source, fragments: [], problems: [] }, Date.now())
  refuse(examined.problems)
  return registryOf(examined)
}

function refuse (problems: readonly Problem[]): void {
  if (problems.length > 0) throw new ConfigError('bad-registry', messageOfProblems(problems))
}

const mostProblems = 20

/** In one line, as checks and logs want it. */
function messageOfProblems (problems: readonly Problem[]): string {
  const more = problems.length > mostProblems ? [`and ${problems.length - mostProblems} more`] : []
  return [...problems.slice(0, mostProblems).map(problemText), ...more].join('; ')
}

function registryOf ({ value: file, files, expired }: Omit<Examined, 'problems'>): Registry {
  const schemas = new Map(Object.entries(file.schemas ?? {}))
  const { graphite = 'http://127.0.0.1:8080' } = file
  return {
    operators: file.operators ?? [],
    mail: { from: file.mail?.from ?? 'vanadium@localhost', via: file.mail?.via ?? 'smtp://127.0.0.1:25', passwordFile: file.mail?.['password-file'] ?? null },
    graphite: withoutSlash(graphite),
    graphitePasswordFile: file['graphite-password-file'] ?? null,
    graphiteLink: withoutSlash(file['graphite-link'] ?? withoutLogin(graphite)),
    documentation: withoutSlash(file.documentation ?? 'file:///usr/share/doc/vanadium'),
    names: [...schemas.keys()].sort(),
    find: (schema, nowMs = Date.now()) => entryOf(schemas.get(schema) ?? {}, file, nowMs),
    files,
    expired: expired.map(problemText)
  }
}

function entryOf (entry: EntryInFile, { thresholds, retention }: RegistryInFile, nowMs: number): SchemaEntry {
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

const defaultThresholds: Thresholds = { invalid: { warning: 0.05, critical: 0.2 } }

/** Of a URL that people are shown: they do not get the password with which the checks come in. */
export function withoutLogin (url: string): string {
  const bare = new URL(url)
  bare.username = bare.password = ''
  return bare.href
}

function withoutSlash (url: string): string {
  return url.replace(/\/+$/, '')
}
