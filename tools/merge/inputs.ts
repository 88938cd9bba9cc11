import { existsSync, statSync, type Stats } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { ConfigError, messageOf } from '../../lib/errors.js'
import { isUnreadable, readLines } from '../../lib/purge/file-content.js'
import { partsOf } from '../../lib/purge/lines.js'
import { temporary } from '../backup/sources.js'
import { matching } from '../purge/glob.js'
import { mostFiles } from './held-lines.js'

export interface InputFile {
  readonly path: string
  /** Its place in `hosts`. */
  readonly host: number
  readonly stats: Stats
}

export interface Inputs {
  /** Names, in the order in which they were given. */
  readonly hosts: readonly string[]
  readonly files: readonly InputFile[]
  /** Named, or found, and no logs: what others make beside these. */
  readonly leftOut: readonly string[]
}

interface NamedFile {
  readonly path: string
  /** Null if it was not said. */
  readonly host: string | null
}

/** What logrotate, and who compresses, append to the name of a log: `-20150521`, `.2.gz`. */
const rotated = /(?:[.-]\d[\d-]*)?(?:\.gz)?$/
/** What the file writer sets aside: halves of lines, of which none need be JSON. */
const torn = /\.torn$/

/**
 * The files that operands name, each of a host: `NAME=FILE` says of which. Others are of the host that their directory stands for, or where all are in one directory, of that of their log:
 * `a.log` and `a.log-20150521.gz` are of one. `first` is the host whose files are to be the first; null for the order in which they are named. Throws `ConfigError` for what cannot be merged.
 */
export async function findInputs (operands: readonly string[], first: string | null, stop: AbortSignal): Promise<Inputs> {
  const all = operands.flatMap(filesOf)
  const named = all.filter(({ path }) => isLog(path))
  const leftOut = all.map(({ path }) => path).filter(path => !isLog(path))
  if (named.length === 0) throw new ConfigError('bad-option', `no log is among what is named, but ${leftOut[0] ?? 'nothing'}; name JSON log files, plain or .gz`)
  const unnamed = named.filter(({ host }) => host === null)
  const byLog = new Set(named.map(({ path, host }) => host ?? dirname(path))).size === 1
  const hostOf = ({ path, host }: NamedFile): string => host ?? (byLog ? logOf(path) : dirname(path))
  const found = [...new Set(named.map(hostOf))]
  if (first !== null && !found.includes(first)) throw new ConfigError('bad-option', `--lacking ${first}: no file is of that host; there are ${found.join(', ')}`)
  const hosts = first === null ? found : [first, ...found.filter(host => host !== first)]
  if (hosts.length === 1 && unnamed.length > 0) throw new ConfigError('bad-option', `all files are taken to be of one host, ${hosts[0] ?? ''}; say which are whose, as db1=FILE db2=FILE, or give them from a directory for each host`)
  if (named.length > mostFiles) throw new ConfigError('bad-option', `${named.length} files are given; give at most ${mostFiles}`)
  const files = named.map(file => ({ path: file.path, host: hosts.indexOf(hostOf(file)), stats: inspect(file.path) }))
  if (first !== null) files.sort((one, other) => Math.sign(one.host) - Math.sign(other.host))
  refuseTwins(files)
  for (const { path } of files) await refuseRaw(path, stop)
  return { hosts, files, leftOut }
}

function filesOf (operand: string): NamedFile[] {
  const [, host, pattern] = /^([A-Za-z0-9][\w.-]*)=(.+)$/s.exec(operand) ?? []
  if (host === undefined || pattern === undefined || existsSync(operand)) return pathsOf(operand).map(path => ({ path, host: null }))
  return pathsOf(pattern).map(path => ({ path, host }))
}

function pathsOf (pattern: string): string[] {
  const path = resolve(pattern)
  if (existsSync(path)) return [path]
  const found = /[*?]/.test(basename(path)) ? matching(path, pattern) : []
  if (found.length > 0) return found
  throw new ConfigError('bad-option', `${pattern}: there is no such file; name JSON log files, plain or .gz; * and ? may be in the last part`)
}

function isLog (path: string): boolean {
  return !temporary.test(basename(path))
}

function logOf (path: string): string {
  return basename(path).replace(torn, '').replace(rotated, '')
}

function inspect (path: string): Stats {
  if (isUnreadable(path)) throw new ConfigError('bad-option', `${path} is compressed in a way that is not read; decompress it, or compress it with gzip`)
  let stats
  try {
    stats = statSync(path)
  } catch (cause) {
    throw new ConfigError('bad-option', `${path}: ${messageOf(cause)}; name JSON log files that this user can read`, { cause })
  }
  if (!stats.isFile()) throw new ConfigError('bad-option', `${path} is no regular file; name JSON log files, plain or .gz, for example ${path}/all-events.log*`)
  return stats
}

function refuseTwins (files: readonly InputFile[]): void {
  const known = new Map<string, string>()
  for (const { path, stats: { dev, ino } } of files) {
    const key = `${dev}:${ino}`
    const twin = known.get(key)
    if (twin !== undefined) throw new ConfigError('bad-option', `${twin} and ${path} are the same file; give it once`)
    known.set(key, path)
  }
}

/** Of whole lines, one of the first has to be a JSON object. What is damaged further on is found when it is read. */
async function refuseRaw (path: string, stop: AbortSignal): Promise<void> {
  if (torn.test(path)) return
  let isRaw = false
  try {
    for await (const line of firstLines(path, stop)) {
      if (isObject(line)) return
      isRaw = true
    }
  } catch (cause) {
    throw new ConfigError('bad-option', `${messageOf(cause)}; name JSON log files that this user can read; of a damaged one, zcat has what can be read`, { cause })
  }
  if (isRaw) throw new ConfigError('bad-option', `${path} is no log of JSON events: none of its first lines is a JSON object; raw lines become events by vanadium replay, and the same line of two hosts the same event: merge what is made of them`)
}

/** Of a file, as much is looked at before anything is done. */
const mostLines = 100
const mostBytes = 1 << 20

/** Lines with an end that are not empty. */
async function * firstLines (path: string, stop: AbortSignal): AsyncGenerator<Buffer> {
  let [count, seenBytes] = [0, 0]
  for await (const lines of readLines(path, stop)) {
    for (const { bytes, isWhole } of lines) {
      const { text, end } = partsOf(bytes)
      seenBytes += bytes.length
      if (isWhole && text.length > 0 && end.length > 0) {
        yield text
        count++
      }
      if (count === mostLines || seenBytes > mostBytes) return
    }
  }
}

function isObject (line: Buffer): boolean {
  try {
    return /^\s*\{/.test(line.toString('utf8', 0, 100)) && typeof JSON.parse(line.toString()) === 'object'
  } catch {
    return false
  }
}
