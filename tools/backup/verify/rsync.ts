import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Destination } from '../../../lib/backup/configuration.js'
import { placeOfSecret } from '../../../lib/file/secret-file.js'
import { ConfigError, codeOf, StreamError } from '../../../lib/errors.js'

type RsyncDestination = Extract<Destination, { kind: 'rsync' }>

/** Paths and bytes of the files at an rsync destination. Throws `StreamError` if it cannot be reached. */
export async function filesAt (destination: RsyncDestination, stop: AbortSignal): Promise<Map<string, number>> {
  const files = new Map<string, number>()
  await rsync(destination, ['--recursive', '--list-only', '--no-human-readable', directory(destination.to)], stop, line => {
    const [, bytes = '', path] = /^-\S+\s+([\d,.]+)\s+\S+\s+\S+ (.+)$/.exec(line) ?? []
    if (path !== undefined) files.set(plain(path), Number(bytes.replace(/[,.]/g, '')))
  })
  return files
}

/** Of the files below a local directory, links followed, those that a destination lacks or has with other bytes: by their checksums, nothing is copied. */
export async function unlikeAt (destination: RsyncDestination, tree: string, stop: AbortSignal): Promise<Set<string>> {
  const unlike = new Set<string>()
  await rsync(destination, ['--recursive', '--copy-links', '--checksum', '--dry-run', '--itemize-changes', '--out-format=%i %n', directory(tree), directory(destination.to)], stop, line => {
    // <f or >f: the file would be sent, by what an upper-case c or + in it does not matter
    const [, path] = /^[<>]f\S+ (.+)$/.exec(line) ?? []
    if (path !== undefined) unlike.add(plain(path))
  })
  return unlike
}

/** Copies these files below a local directory. Those that are not there are left out. */
export async function fetchFrom (destination: RsyncDestination, paths: readonly string[], into: string, stop: AbortSignal): Promise<void> {
  if (paths.length > 0) await rsync(destination, ['--files-from=-', '--from0', '--ignore-missing-args', directory(destination.to), directory(into)], stop, () => {}, paths.join('\0'))
}

/** As rsync prints a path: a control character, and a backslash that looks like the beginning of one, by its code. */
function plain (path: string): string {
  return path.replace(/\\#([0-3][0-7]{2})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)))
}

function directory (path: string): string {
  return path.endsWith('/') ? path : `${path}/`
}

async function rsync ({ passwordFile }: RsyncDestination, args: readonly string[], stop: AbortSignal, see: (line: string) => void, input = ''): Promise<void> {
  const child = spawn('rsync', ['--8-bit-output', '--timeout=600', ...passwordFile === null ? [] : [`--password-file=${placeOfSecret(passwordFile)}`], ...args], { stdio: ['pipe', 'pipe', 'pipe'], signal: stop, env: { ...process.env, LC_ALL: 'C', RSYNC_RSH: process.env['RSYNC_RSH'] ?? shell } })
  child.stdin.on('error', () => { /* its exit code says why it does not read */ })
  child.stdin.end(input)
  createInterface({ input: child.stdout }).on('line', see)
  const said: string[] = []
  createInterface({ input: child.stderr }).on('line', line => { if (said.length < mostSaid) said.push(line) })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  }).catch((cause: unknown) => {
    if (codeOf(cause) === 'ENOENT') throw new ConfigError('bad-option', 'there is no rsync; apt-get install rsync, or take rsync: out of the destinations', { cause })
    if (stop.aborted) throw new StreamError('stopped', 'stopped while rsync ran', { cause })
    throw cause
  })
  if (code !== 0) throw new StreamError('cannot-read', `rsync ${args.at(-1) ?? ''} ended with ${String(code)}: ${said.join('; ')}`)
}

/** Nobody is there to answer a question. */
const shell = 'ssh -oBatchMode=yes -oConnectTimeout=30'
/** Lines of complaints. */
const mostSaid = 5
