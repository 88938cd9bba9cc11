import { fstatSync, futimesSync, write, type Stats } from 'node:fs'
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
  discard (): Promise<void>
}

/** For a dry run. */
export function openNowhere (): Sink {
  return { write: async () => {}, end: async () => {}, discard: async () => {} }
}

const stdoutFd = 1
/** How messages call it. */
const stdoutName = 'standard output'

/** As they are, also on a terminal. A pipe whose reader has gone is no failure of ours: `StreamError` with the code `stopped`. */
export function openStdout (): Sink {
  const nothing = { end: async () => {}, discard: async () => {} }
  // of a file that has room for a part of the bytes only, `process.stdout` would say nothing
  if (fstatSync(stdoutFd).isFile()) return { ...nothing, write: async bytes => { await writeAll(stdoutFd, bytes, stdoutName) } }

  // the error comes to the callback of the write too; without a listener it would end the process
  const onError = (): void => {}
  process.stdout.on('error', onError)
  return {
    ...nothing,
    async write (bytes) {
      await new Promise<void>((resolve, reject) => {
        process.stdout.write(bytes, cause => {
          if (cause === null || cause === undefined) resolve()
          else reject(codeOf(cause) === 'EPIPE' || process.stdout.destroyed ? new StreamError('stopped', `${stdoutName} was closed by its reader`, { cause }) : failure(stdoutName, cause))
        })
      })
    }
  }
}

/**
 * A file that is not there before it is whole; gzipped if its name ends so. It was written to last at `writtenMs`, as lines that tell no time are taken for as old as their file.
 * Throws `ConfigError` when it cannot be made.
 */
export function openFile (path: string, like: Stats, writtenMs: number): Sink {
  const file = create(path, like)
  const put = async (bytes: Buffer): Promise<void> => { await writeAll(file.fd, bytes, path) }
  const bytes = isGzipped(path) ? gzipped(put) : { write: put, end: async () => {}, discard: async () => {} }
  return {
    write: bytes.write,
    async end () {
      await bytes.end()
      publish(path, () => {
        futimesSync(file.fd, writtenMs / 1000, writtenMs / 1000)
        file.publish()
      })
    },
    async discard () {
      await bytes.discard()
      file.discard()
    }
  }
}

/** What is compressed is given to `put`, whose error whoever writes next is told, or who waits. After `end` and `discard` it is not called any more. */
export function gzipped (put: (bytes: Buffer) => Promise<void>): Sink {
  const gzip = createGzip()
  const done = pipeline(gzip, async (chunks: AsyncIterable<Buffer>) => { for await (const chunk of chunks) await put(chunk) })
  let wake = (): void => {}
  done.catch(() => { wake() })
  return {
    async write (bytes) {
      await new Promise<void>(resolve => {
        // a stream that is destroyed meanwhile need not call back
        wake = resolve
        gzip.write(bytes, () => { resolve() })
      })
      if (gzip.destroyed) await done
    },
    async end () {
      gzip.end()
      await done
    },
    async discard () {
      gzip.destroy()
      await done.catch(() => { /* it was told, or nobody wants to know */ })
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
  return new StreamError(isFull ? 'no-space' : 'cannot-write', `${path} cannot be written: ${messageOf(cause)}; ${isFull ? 'make room and begin again' : path === stdoutName ? 'it is not whole' : 'nothing of it is left'}`, { cause })
}
