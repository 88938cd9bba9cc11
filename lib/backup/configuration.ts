import { readFileSync } from 'node:fs'
import { join, normalize } from 'node:path'
import type { ValidateFunction } from 'ajv'
import { ConfigError, messageOf } from '../errors.js'
import { problemText, shown, type Path, type Problem } from '../registry/problem.js'
import { compileShape, findingsBy, type Finding } from '../registry/shape.js'
import { readSource } from '../registry/source.js'
import { parseUri, type Uri } from '../stream/uri.js'

export const defaultBackupFile = '/etc/vanadium/backup.yaml'

/** Where backups go. */
export type Destination =
  /** A directory that is there: on a disk of its own, or of another host's. */
  | { readonly kind: 'directory', readonly path: string }
  /** What rsync takes: `user@host:path`, `rsync://host/module`. */
  | { readonly kind: 'rsync', readonly to: string, /** Of a module that asks for a password. */ readonly passwordFile: string | null }

/** What is backed up, and where to. */
export interface BackupConfiguration {
  /** Where it was read. */
  readonly file: string
  /** Absolute paths of directories, or of files, with `*` and `?` in the last part. */
  readonly files: readonly string[]
  /** The database whose tables are; null for none. */
  readonly tables: { readonly uri: Uri, /** Path of a my.cnf; empty for none. */ readonly defaultsFile: string } | null
  readonly destinations: readonly Destination[]
  /** The staging area. */
  readonly to: string
  /** What is older goes from backups, whatever may stay elsewhere; null: what may stay stays. */
  readonly oldestDays: number | null
}

/** Of a destination, for people. */
export function destinationName (destination: Destination): string {
  return destination.kind === 'directory' ? destination.path : destination.to
}

/** Throws `ConfigError` that names each line that is wrong. */
export function openBackup (file = defaultBackupFile): BackupConfiguration {
  const { configuration, problems } = inspectBackup(file)
  if (configuration === null) throw new ConfigError('bad-option', problems.map(problemText).join('; '))
  return configuration
}

/** All that is wrong with it; null in place of the configuration if anything is. */
export function inspectBackup (file: string): { configuration: BackupConfiguration | null, problems: readonly Problem[] } {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    return { configuration: null, problems: [{ file, line: null, text: `the configuration of backups cannot be read: ${messageOf(error)}; give a file as etc/vanadium/backup.yaml` }] }
  }
  const source = readSource(file, text)
  if (Array.isArray(source)) return { configuration: null, problems: source }
  validate ??= compileShape(backupSchema)
  const shape = findingsBy(validate, source.value, { mayHavePassword: /^(?:at the top|tables|destinations.*)$/ })
  const value = source.value as BackupInFile
  const findings = shape.length > 0 ? shape : findingsIn(value)
  const problems = findings.map(({ at, text }) => ({ file, line: source.lineOf(at), text })).sort((one, other) => one.line - other.line)
  return { configuration: problems.length === 0 ? configurationOf(file, value) : null, problems }
}

interface BackupInFile {
  files?: string[]
  tables?: string
  destinations: Array<string | { rsync: string, 'password-file'?: string }>
  to: string
  'oldest-days'?: number
}

const directory = { type: 'string', pattern: '^/[^\\p{Cc}]*[^\\p{Cc}/]$', allowed: 'the absolute path of a directory, as /var/backups/vanadium' } as const

/** For `backup.yaml`. */
export const backupSchema = {
  type: 'object',
  properties: {
    files: {
      type: 'array',
      items: { type: 'string', pattern: '^/[^\\p{Cc}]+$', allowed: 'absolute paths of directories or files, as /var/log/vanadium/*.log*' },
      uniqueItems: true,
      description: 'JSON logs and archives: directories, with all below them, or files; the last part of a path may have * and ?.'
    },
    tables: { type: 'string', pattern: '^mysql:', allowed: 'a database, as mysql://127.0.0.1/log?defaults-file=/etc/vanadium/backup.cnf', description: 'The database whose tables are backed up, by day.' },
    destinations: {
      type: 'array',
      items: {
        if: { type: 'object' },
        then: {
          type: 'object',
          properties: {
            rsync: { type: 'string', pattern: '^(?!-)[^\\s\\p{Cc}]*:[^\\p{Cc}]+$', allowed: 'what rsync takes, as backup@b.example.org:vanadium or rsync://b.example.org/vanadium', description: 'user@host:path, by ssh, or rsync://host/module.' },
            'password-file': { type: 'string', pattern: '^/[^\\p{Cc}]+$', allowed: 'the path of a file, as /etc/vanadium/rsync-password', description: 'Has the password of an rsync:// module.' }
          },
          required: ['rsync'],
          additionalProperties: false
        },
        else: { ...directory, allowed: 'the absolute path of a directory that is there, or rsync: with what rsync takes' }
      },
      uniqueItems: true,
      description: 'Where copies of the staging area go: directories, or what rsync takes.'
    },
    to: { ...directory, description: 'The staging area: here are dumps, copies of files, manifests and reports.' },
    'oldest-days': { type: 'integer', minimum: 1, maximum: 36_500, description: 'What is older goes from backups, whatever may stay elsewhere.' }
  },
  required: ['destinations', 'to'],
  additionalProperties: false
} as const

let validate: ValidateFunction | undefined

/** What is wrong although its shape is right. */
function findingsIn ({ files = [], tables, destinations, to }: BackupInFile): Finding[] {
  const found: Finding[] = []
  const report = (at: Path, text: string): void => { found.push({ at, text: `${at.join('/')}: ${text}` }) }
  if (files.length === 0 && tables === undefined) report(['files'], 'there is nothing to back up; give files, or tables, or both')
  files.forEach((pattern, at) => {
    const place = ['files', String(at)]
    if (/[*?[{]/.test(pattern.slice(0, pattern.lastIndexOf('/')))) report(place, `${shown(pattern)}: only the last part of a path may have * and ?; name the directory, with all below it`)
    if (isWithin(to, pattern.replace(/\/[^/]*[*?][^/]*$/, '/*'))) report(place, `${shown(pattern)} has ${shown(to)} in it (to): a backup would be backed up; give another directory for either`)
  })
  if (tables !== undefined) for (const text of mistakesInUri(tables)) report(['tables'], text)
  destinations.forEach((destination, at) => {
    const place = ['destinations', String(at)]
    if (typeof destination === 'string') {
      if (isWithin(destination, to) || isWithin(to, destination)) report(place, `${shown(destination)} and ${shown(to)} (to) are in each other; give directories that are not`)
    } else if (/^rsync:\/\/[^/]*:[^/]*@/.test(destination.rsync)) {
      report([...place, 'rsync'], 'it has a password, which would stand in reports; write it into a file, and name that by password-file')
    } else if (destination['password-file'] !== undefined && !destination.rsync.startsWith('rsync://')) {
      report([...place, 'password-file'], 'ssh takes no password; give the user a key, or rsync://host/module')
    }
  })
  return found
}

/** Whether a path is another one, or below it; of a pattern only files beside each other are. */
function isWithin (path: string, directory: string): boolean {
  if (directory.endsWith('/*')) return false
  return `${normalize(path)}/`.startsWith(join(normalize(directory), '/'))
}

function mistakesInUri (text: string): string[] {
  let uri: Uri
  try {
    uri = parseUri(text)
  } catch (error) {
    return [messageOf(error)]
  }
  const example = 'give mysql://127.0.0.1/log?defaults-file=/etc/vanadium/backup.cnf'
  const options = uri.query.map(([name]) => name).filter(name => name !== 'defaults-file')
  return [
    ...uri.password === null ? [] : [`${uri.text} has a password; write it into a my.cnf file and name that by defaults-file=`],
    ...options.map(name => `there is no option ${shown(name)}; allowed is defaults-file`),
    ...uri.query.filter(([name]) => name === 'defaults-file').length > 1 ? [`defaults-file is there twice; ${example}`] : [],
    .../^\/[^/]+$/.test(uri.path) ? [] : [`${uri.text} names no database; ${example}`]
  ]
}

function configurationOf (file: string, { files = [], tables, destinations, to, 'oldest-days': oldestDays }: BackupInFile): BackupConfiguration {
  const uri = tables === undefined ? null : parseUri(tables)
  return {
    file,
    files: files.map(pattern => normalize(pattern)),
    tables: uri === null ? null : { uri, defaultsFile: uri.query.find(([name]) => name === 'defaults-file')?.[1] ?? '' },
    destinations: destinations.map((destination): Destination => typeof destination === 'string'
      ? { kind: 'directory', path: normalize(destination) }
      : { kind: 'rsync', to: destination.rsync, passwordFile: destination['password-file'] ?? null }),
    to: normalize(to),
    oldestDays: oldestDays ?? null
  }
}
