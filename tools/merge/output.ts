import { write, type Stats } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { createGzip } from 'node:zlib'
import { codeOf, ConfigError, messageOf, StreamError, VanadiumError } from '../../lib/errors.js'
import { createFile } from '../../lib/file/nameless.js'
import { isGzipped } from '../../lib/purge/file-content.js'

/** Where merged lines go. */
export interface Sink {
  /** Resolves when `bytes` may be used again. Throws `StreamError`. */
  write (bytes: Buffer): Promise<void>
  /** Everything was written: makes it safe, and seen. */
  end (): Promise<void>
  /** Nothing of it stays, where that can be. Does nothing after `end`. */
  discard (): void
}

/** For a dry run. */
export function openNowhere (): Sink {
  return { write: async () => {}, end: async () => {}, discard: () => {} }
}

/** As they are, also on a terminal. A pipe whose reader has gone is no failure of ours: `StreamError` with the code `stopped`. */
export function openStdout (): Sink {
  // the error comes to the callback of the write too; without a listener it would end the process
  const onError = (): void => {}
  process.stdout.on('error', onError)
  return {
    async write (bytes) {
      await new Promise<void>((resolve, reject) => {
        process.stdout.write(bytes, cause => {
          if (cause === null || cause === undefined) resolve()
          else reject(codeOf(cause) === 'EPIPE' || process.stdout.destroyed ? new StreamError('stopped', 'standard output was closed by its reader', { cause }) : failure('standard output', cause))
        })
      })
    },
    end: async () => {},
    discard: () => {}
  }
}

/** A file that is not there before it is whole; gzipped if its name ends so. Throws `ConfigError` when it cannot be made. */
export function openFile (path: string, like: Stats): Sink {
  const file = create(path, like)
  const put = async (bytes: Buffer): Promise<void> => { await writeAll(file.fd, bytes, path) }
  if (!isGzipped(path)) return { write: put, end: async () => { publish(path, file.publish) }, discard: file.discard }

  const gzip = createGzip()
  const done = pipeline(gzip, async (chunks: AsyncIterable<Buffer>) => { for await (const chunk of chunks) await put(chunk) })
  done.catch(() => { /* thrown by whoever writes next */ })
  return {
    async write (bytes) {
      await new Promise<void>(resolve => { gzip.write(bytes, () => { resolve() }) })
      if (gzip.destroyed) await done
    },
    async end () {
      gzip.end()
      await done
      publish(path, file.publish)
    },
    discard () {
      gzip.destroy()
      file.discard()
    }
  }
}

function create (path: string, like: Stats): ReturnType<typeof createFile> {
  try {
    return createFile(path, like)
  } catch (cause) {
    if (cause instanceof ConfigError) throw new ConfigError('bad-option', `--output ${cause.message}`, { cause })
    throw new ConfigError('bad-option', `--output ${path}: ${messageOf(cause)}; name a new file in a directory that this user can write`, { cause })
  }
}

const writeAsync = promisify(write)

async function writeAll (fd: number, bytes: Buffer, path: string): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    try {
      done += (await writeAsync(fd, bytes, done, bytes.length - done, null)).bytesWritten
    } catch (cause) {
      throw failure(path, cause)
    }
  }
}

function publish (path: string, work: () => void): void {
  try {
    work()
  } catch (cause) {
    throw cause instanceof VanadiumError ? cause : failure(path, cause)
  }
}

function failure (path: string, cause: unknown): StreamError {
  const isFull = ['ENOSPC', 'EDQUOT'].includes(codeOf(cause) ?? '')
  return new StreamError(isFull ? 'no-space' : 'cannot-write', `${path} cannot be written: ${messageOf(cause)}; ${isFull ? 'make room and begin again' : 'nothing of it is left'}`, { cause })
}
