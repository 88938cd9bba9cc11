import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, createReadStream } from 'node:fs'
import { tmpdir } from 'node:os'
import type { Writable } from 'node:stream'
import { openCredentials } from '../../../lib/backup/dumper.js'
import { codeOf, ConfigError, StreamError } from '../../../lib/errors.js'
import { chunksOf } from '../../../lib/stream/chunks.js'
import type { Uri } from '../../../lib/stream/uri.js'
import { plainChunks } from '../verify/content.js'

/** Of the message of a program that fails. */
const mostMessageCharacters = 2000

/** To clients that know it, from 10.11.8 and 11.4.2 on: what is meant for them, and not for the server, they refuse from here on. A dump has no need of it. */
const sandbox = '/*M!999999\\- enable the sandbox mode */\n'

/** `mariadb` reads the statements of a file. Throws `StreamError` for what it, or the server, does not take. */
export async function restoreFile (file: string, uri: Uri, defaultsFile: string, stop: AbortSignal): Promise<void> {
  const credentials = openCredentials(uri, defaultsFile, tmpdir())
  try {
    const child = spawn('mariadb', ['--defaults-file=/proc/self/fd/3', '--default-character-set=utf8mb4', '--max-allowed-packet=1G', '--batch', uri.path.slice(1)], { stdio: ['pipe', 'ignore', 'pipe', credentials], signal: stop })
    let message = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => { message = `${message}${text}`.slice(-mostMessageCharacters) })
    const ended = once(child, 'close') as Promise<[number | null]>
    // it is waited for below, whatever happens first
    ended.catch(() => {})
    const damage = await feed(file, child.stdin as Writable, stop)
    const [code] = await ended.catch((cause: unknown): never => { throw unstarted(cause, stop) })
    if (damage !== null) throw damage
    if (code !== 0) throw new StreamError('cannot-write', `mariadb ended with ${String(code)}: ${message.trim().replaceAll('\n', '; ')}`)
  } finally {
    closeSync(credentials)
  }
}

function unstarted (cause: unknown, stop: AbortSignal): unknown {
  if (codeOf(cause) === 'ENOENT') return new ConfigError('bad-option', 'there is no mariadb; install it (Debian package mariadb-client)', { cause })
  return stop.aborted ? new StreamError('stopped', 'stopped during a restore', { cause }) : cause
}

/** Resolves with what was wrong with a file, if anything was. */
async function feed (file: string, input: Writable, stop: AbortSignal): Promise<StreamError | null> {
  // it says by its exit why it does not read on
  let isOver = false
  input.once('error', () => { isOver = true })
  try {
    input.write(sandbox)
    for await (const chunk of file.endsWith('.gz') ? plainChunks(file, stop) : chunksOf(createReadStream(file), file, stop)) {
      // one that is closed says so no more
      if (isOver || input.destroyed) return null
      if (!input.write(chunk)) await Promise.race([once(input, 'drain'), once(input, 'close')]).catch(() => {})
    }
    return null
  } catch (error) {
    if (error instanceof StreamError) return error
    throw error
  } finally {
    input.end()
  }
}
