import { stdout } from 'node:process'
import { codeOf, ConfigError, messageOf, StreamError } from '../errors.js'
import type { Batch, WriterHandler } from '../stream/contracts.js'
import { prettyRecord } from './pretty.js'

export interface StdoutParams {
  pretty: 'auto' | 'always' | 'never'
}

const newline = Buffer.from('\n')

/**
 * A line a record. `write` resolves when the kernel has it, so a slow pipe slows the daemon. A pipe whose reader has gone is
 * no failure of ours: `StreamError` with the code `stopped`.
 */
export const stdoutWriter: WriterHandler<StdoutParams> = {
  schemes: ['stdout'],
  summary: 'Prints a line a record; on a terminal, JSON over several lines and in colour.',
  examples: ['stdout://', 'stdout://?pretty=always'],
  params: {
    type: 'object',
    properties: {
      pretty: { type: 'string', enum: ['auto', 'always', 'never'], default: 'auto', description: 'Whether JSON is spread over lines, and what would control a terminal is shown instead; auto: when standard output is a terminal. Only a terminal gets colours, and none where NO_COLOR is set.' }
    },
    additionalProperties: false
  },
  check (uri) {
    if (uri.host !== null || uri.path !== '') {
      throw new ConfigError('bad-uri', `${uri.text}: standard output has no host and no path; write stdout://, or file:// with a path`)
    }
  },
  async open (uri, { pretty }, ctx) {
    const isPretty = pretty === 'always' || (pretty === 'auto' && stdout.isTTY)
    // the error comes to the callback of the write too; without a listener it would end the process
    const onError = (): void => {}
    stdout.on('error', onError)
    const close = (): void => { stdout.off('error', onError) }
    ctx.defer(uri.text, close)

    return await Promise.resolve({
      write: async (batch: Batch) => { await print(isPretty ? prettyBatch(batch) : Buffer.concat([batch.payload, newline])) },
      flush: async () => {},
      close: async () => { close() }
    })
  }
}

function prettyBatch (batch: Batch): Buffer {
  return Buffer.from(batch.lines().map(record => prettyRecord(record, stdout.isTTY && stdout.hasColors())).join(''))
}

async function print (bytes: Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    stdout.write(bytes, error => {
      if (error === null || error === undefined) resolve()
      else reject(failure(error))
    })
  })
}

function failure (cause: Error): StreamError {
  const gone = ['EPIPE', 'ERR_STREAM_DESTROYED'].includes(codeOf(cause) ?? '')
  if (gone) return new StreamError('stopped', 'standard output was closed by its reader', { cause })
  return new StreamError(codeOf(cause) === 'ENOSPC' ? 'no-space' : 'cannot-write', `standard output cannot be written: ${messageOf(cause)}`, { cause })
}
