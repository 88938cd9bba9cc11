import { spawn } from 'node:child_process'
import { statSync } from 'node:fs'
import { geteuid } from 'node:process'
import { destinationName, type Destination } from '../../lib/backup/configuration.js'
import { folders } from '../../lib/backup/layout.js'
import type { Delivery } from '../../lib/backup/report.js'
import { codeOf, messageOf } from '../../lib/errors.js'
import { placeOfSecret } from '../../lib/file/secret-file.js'
import type { Means } from './means.js'

/** Nobody is there to answer a question; a network that is gone is not waited for. */
const shell = 'ssh -oBatchMode=yes -oConnectTimeout=30'
const common = ['--recursive', '--links', '--times', '--perms', '--timeout=600', '--exclude=.*']
const mostMessageCharacters = 2000

/**
 * Fills a staging area that is new with what a destination has that it does not know yet, so that what is lost here is not lost there, too. Throws nothing:
 * a destination that cannot be asked gets nothing either, and is asked again.
 */
export async function joinDestinations ({ configuration: { destinations, to }, removals, stop, log, show }: Means): Promise<void> {
  for (const destination of destinations) {
    const name = destinationName(destination)
    if (stop.aborted || removals.isJoined(name)) continue
    show(`asking ${name} what it has`)
    const { failure } = await rsync(destination, [...common, '--ignore-existing', `--include=/${folders.files}/***`, `--include=/${folders.tables}/***`, '--exclude=*', ...passwordOf(destination), ...ownedAs(to), '--', from(destination), `${to}/`], '', stop)
    if (failure === null || isNothing.test(failure)) removals.join(name)
    else log.error('a destination of backups cannot be asked what it has', { destination: name, reason: failure })
  }
}

/** A destination in which there is nothing yet. */
const isNothing = /(?:change_dir|link_stat) .*No such file or directory|chdir failed/

/** Sends the staging area to each destination, one after the other. One that fails does not keep the others. */
export async function deliver ({ configuration: { destinations, to }, removals, stop, log, show }: Means): Promise<Delivery[]> {
  const deliveries: Delivery[] = []
  for (const destination of destinations) {
    if (stop.aborted) break
    const name = destinationName(destination)
    show(`sending to ${name}`)
    const startMs = performance.now()
    const { failure, files } = await send(destination, `${to}/`, removals.isJoined(name) ? removals.pending(name) : null, stop)
    if (failure === null) removals.confirm(name)
    else log.error('a destination has no backup of today', { destination: name, reason: failure })
    deliveries.push({ name, failure, files, seconds: Math.round((performance.now() - startMs) / 100) / 10 })
  }
  return deliveries
}

interface Sent {
  readonly failure: string | null
  readonly files: number
}

async function send (destination: Destination, source: string, removed: string[] | null, stop: AbortSignal): Promise<Sent> {
  if (removed === null) return { failure: 'it could not be asked what it has; nothing is sent before', files: 0 }
  const target = from(destination)
  const options = [...common, ...passwordOf(destination), ...destination.kind === 'directory' ? ownedAs(target) : []]
  const sent = await rsync(destination, [...options, '--delay-updates', '--stats', '--', source, target], '', stop)
  if (sent.failure !== null || removed.length === 0) return sent
  const { failure } = await rsync(destination, [...options, '--delete-missing-args', '--files-from=-', '--', source, target], removed.map(path => `${path}\n`).join(''), stop)
  return { failure, files: sent.files }
}

function from (destination: Destination): string {
  return `${destinationName(destination).replace(/\/$/, '')}/`
}

function passwordOf (destination: Destination): string[] {
  return destination.kind === 'rsync' && destination.passwordFile !== null ? [`--password-file=${placeOfSecret(destination.passwordFile)}`] : []
}

/** What root makes in a directory of somebody else's is theirs: whoever makes backups otherwise has to read and replace it. */
function ownedAs (directory: string): string[] {
  const stats = geteuid?.() === 0 ? statSync(directory, { throwIfNoEntry: false }) : undefined
  return stats === undefined ? [] : [`--chown=${stats.uid}:${stats.gid}`]
}

/** Runs rsync. `input` is what it reads. */
async function rsync (destination: Destination, args: readonly string[], input: string, stop: AbortSignal): Promise<Sent> {
  // a disk that is not mounted is no place for a backup
  if (destination.kind === 'directory' && statSync(destination.path, { throwIfNoEntry: false })?.isDirectory() !== true) return { failure: `${destination.path} is no directory that is there; is it mounted?`, files: 0 }
  return await new Promise(resolve => {
    const child = spawn('rsync', args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, LC_ALL: 'C', RSYNC_RSH: process.env['RSYNC_RSH'] ?? shell } })
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
    child.stdin.end(input)
  })
}
