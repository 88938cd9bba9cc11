import { spawn } from 'node:child_process'
import { statSync } from 'node:fs'
import { destinationName, type Destination } from '../../lib/backup/configuration.js'
import { codeOf, messageOf } from '../../lib/errors.js'
import { placeOfSecret } from '../../lib/file/secret-file.js'

/** Nobody is there to answer a question; a network that is gone is not waited for. */
const shell = 'ssh -oBatchMode=yes -oConnectTimeout=30'
const mostMessageCharacters = 2000

export interface Sent {
  readonly failure: string | null
  readonly files: number
}

/** What rsync calls the place. */
export function placeOf (destination: Destination): string {
  return `${destinationName(destination).replace(/\/$/, '')}/`
}

/** Runs rsync with a destination; the last of `args` are from where and to where. `input`: lists that it reads, with NUL behind each name. */
export async function rsync (destination: Destination, args: readonly string[], input: readonly string[], stop: AbortSignal): Promise<Sent> {
  // a disk that is not mounted is no place for a backup
  if (destination.kind === 'directory' && statSync(destination.path, { throwIfNoEntry: false })?.isDirectory() !== true) return { failure: `${destination.path} is no directory that is there; is it mounted?`, files: 0 }
  const options = ['--recursive', '--times', '--timeout=600', '--exclude=.*', '--from0', ...passwordOf(destination)]
  return await new Promise(resolve => {
    const child = spawn('rsync', [...options, ...args], { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, LC_ALL: 'C', RSYNC_RSH: process.env['RSYNC_RSH'] ?? shell } })
    let [output, errors] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => { output = `${output}${text}`.slice(-mostMessageCharacters) })
    child.stderr.setEncoding('utf8').on('data', (text: string) => { errors = `${errors}${text}`.slice(-mostMessageCharacters) })
    const kill = (): void => { child.kill() }
    stop.addEventListener('abort', kill)
    const end = (failure: string | null): void => {
      stop.removeEventListener('abort', kill)
      resolve({ failure, files: Number(/Number of regular files transferred: ([\d,]+)/.exec(output)?.[1]?.replaceAll(',', '') ?? 0) })
    }
    child.once('error', error => { end(codeOf(error) === 'ENOENT' ? 'there is no rsync; install it (Debian package rsync)' : messageOf(error)) })
    child.once('close', (code, signal) => { end(code === 0 ? null : stop.aborted ? 'stopped' : `rsync ended with ${code ?? signal ?? ''}: ${errors.trim().replaceAll('\n', '; ')}`) })
    // one that has ended reads nothing
    child.stdin.on('error', () => {})
    child.stdin.end(input.map(name => `${name}\0`).join(''))
  })
}

function passwordOf (destination: Destination): string[] {
  return destination.kind === 'rsync' && destination.passwordFile !== null ? [`--password-file=${placeOfSecret(destination.passwordFile)}`] : []
}

/** A path as a pattern of rsync's that nothing else is like. A backslash stands for itself where there is nothing to escape. */
export function patternOf (path: string): string {
  return `/${/[*?[]/.test(path) ? path.replace(/[*?[\\]/g, '\\$&') : path}`
}
