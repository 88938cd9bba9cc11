import { ConfigError } from '../errors.js'
import { batchOfBytes } from '../stream/batch.js'
import { chunksOf } from '../stream/chunks.js'
import type { Batch, Context, ReaderHandler } from '../stream/contracts.js'
import { generatedReader } from '../stream/generated-reader.js'
import { maxLineParam, Splitter } from '../stream/splitter.js'

export interface StdinParams {
  'max-line': number
}

/**
 * Whatever standard input is: pipe, file, terminal, socket. A pipe that nobody pulls from fills up, and its writer waits. At
 * the end of input the last line counts without a newline too; a line that a stop cuts in two is counted as `lost`.
 */
export const stdinReader: ReaderHandler<StdinParams> = {
  schemes: ['stdin'],
  summary: 'Reads lines from standard input and ends with it.',
  examples: ['stdin://', 'stdin://?max-line=65536'],
  params: {
    type: 'object',
    properties: { 'max-line': maxLineParam },
    additionalProperties: false
  },
  check (uri) {
    if (uri.host !== null || uri.path !== '') {
      throw new ConfigError('bad-uri', `${uri.text}: standard input has no host and no path; write stdin://, or file:// with a path`)
    }
  },
  async open (_uri, params, ctx) {
    const closing = new AbortController()
    const batches = linesOfStdin(params, ctx, closing.signal)
    return await Promise.resolve(generatedReader(batches, { release: () => { closing.abort() } }))
  }
}

async function * linesOfStdin (params: StdinParams, ctx: Context, closing: AbortSignal): AsyncGenerator<Batch> {
  const { stdin } = process
  const maxLine = params['max-line']
  const splitter = new Splitter(maxLine, () => {
    ctx.metrics.increment('truncated')
    ctx.log.warn('a line is too long and was cut', { input: 'stdin', max_line: maxLine })
  })

  for await (const chunk of chunksOf(stdin, 'standard input', AbortSignal.any([ctx.stop, closing]))) {
    const batch = batchOf(splitter.push(chunk))
    if (batch !== null) yield batch
  }

  if (stdin.readableEnded || !ctx.stop.aborted) {
    const last = batchOf(splitter.end())
    if (last !== null) yield last
  } else if (splitter.held > 0) {
    ctx.metrics.increment('lost')
    ctx.log.error('a line that had come only in part was dropped at the stop', { input: 'stdin', bytes: splitter.held })
  }
}

function batchOf (lines: Buffer | null): Batch | null {
  return lines === null ? null : batchOfBytes(lines)
}
