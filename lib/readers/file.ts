import { constants, createReadStream } from 'node:fs'
import { access, open, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { codeOf, ConfigError, messageOf, StreamError } from '../errors.js'
import { batchOfBytes } from '../stream/batch.js'
import { chunksOf } from '../stream/chunks.js'
import type { Batch, Context, Position, ReaderHandler } from '../stream/contracts.js'
import { generatedReader } from '../stream/generated-reader.js'
import { maxLineParam, Splitter } from '../stream/splitter.js'
import type { Uri } from '../stream/uri.js'
import { follow } from './file-follow.js'
import { bears, parseMark } from '../file/mark.js'
import { FileSource, type FileSourceOptions } from './file-source.js'

export interface FileReaderParams {
  follow: boolean
  resume: boolean
  from: 'start' | 'end'
  'poll-interval': number
  'max-line': number
}

/**
 * Without `follow`: from the start to the end, then the input has ended. The last line counts without a newline too.
 * With `follow`: until the stop, through rotations, from the committed position on; an unfinished last line waits.
 */
export const fileReader: ReaderHandler<FileReaderParams> = {
  schemes: ['file'],
  summary: 'Reads the lines of a file, plain or .gz; with follow=true as they are written, through log rotation.',
  examples: ['file:///var/log/vanadium/all-events.log', 'file:///var/log/events.log?follow=true', 'file:///srv/archive/events.log-20140521.gz'],
  needs: ['path'],
  params: {
    type: 'object',
    properties: {
      follow: { type: 'boolean', default: false, description: 'Go on at the end of the file, as tail -F does, and after a restart where the last run ended.' },
      resume: { type: 'boolean', default: false, description: 'Without follow: begin where the last run ended, not at the start.' },
      from: { type: 'string', enum: ['start', 'end'], default: 'start', description: 'With follow: where to begin the first time.' },
      'poll-interval': { type: 'integer', minimum: 10, maximum: 60_000, default: 200, description: 'Milliseconds between two looks at a file that is followed.' },
      'max-line': maxLineParam
    },
    additionalProperties: false
  },
  check (uri, params) {
    if (uri.host !== null) throw new ConfigError('bad-uri', `${uri.text}: "${uri.host}" stands where a host does; write file:// and an absolute path, for example file:///var/log/events.log`)
    if (!uri.path.endsWith('.gz')) return
    for (const option of ['follow', 'resume'] as const) {
      if (params[option]) throw new ConfigError('bad-uri', `${uri.text}: option "${option}" is "true", but a .gz file can only be read from start to end; leave the option out`)
    }
  },
  async open (uri, params, ctx) {
    const path = resolve(uri.path)
    await checkFile(path, uri, params.follow)

    const source = `file:${path}`
    const closing = new AbortController()
    const reader = generatedReader(read(path, source, params, ctx, AbortSignal.any([ctx.stop, closing.signal])), {
      commit: position => { ctx.state.remember(source, position) },
      release: () => { closing.abort() }
    })
    return reader
  }
}

/** The position is looked up when the first batch is asked for: the sink may know better than the state did (`Writer.begin`). */
async function * read (path: string, source: string, params: FileReaderParams, ctx: Context, stop: AbortSignal): AsyncGenerator<Batch> {
  const { from, resume, 'poll-interval': pollMs, 'max-line': maxLine } = params
  const options = {
    path,
    stream: source,
    maxLine,
    positions: params.follow || resume,
    onTruncated () {
      ctx.metrics.increment('truncated')
      ctx.log.warn('a line is too long and was cut', { input: source, max_line: maxLine })
    }
  }
  const position = options.positions ? ctx.state.position(source) : null
  if (params.follow) yield * follow({ ...options, position, from, pollMs }, ctx, stop)
  else if (path.endsWith('.gz')) yield * unzip(options, stop)
  else yield * readOnce(options, position, ctx, stop)
}

/** What is wrong with the file is the operator's to mend, except that one that is followed may be yet to come. */
async function checkFile (path: string, uri: Uri, mayBeMissing: boolean): Promise<void> {
  try {
    if (!(await stat(path)).isFile()) throw new ConfigError('bad-uri', `${uri.text}: this is no regular file; for a pipe or a terminal write stdin://`)
    await access(path, constants.R_OK)
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    if (mayBeMissing && codeOf(cause) === 'ENOENT') return
    throw new ConfigError('bad-uri', `${uri.text}: ${messageOf(cause)}; name a file that this user can read`, { cause })
  }
}

async function * readOnce (options: FileSourceOptions, position: Position | null, ctx: Context, stop: AbortSignal): AsyncGenerator<Batch> {
  const file = await open(options.path).catch((cause: unknown) => {
    throw new StreamError('cannot-read', `${options.path} cannot be read: ${messageOf(cause)}`, { cause })
  })
  const mark = position === null ? null : parseMark(position)
  const resumes = mark !== null && await bears(file, mark)
  if (mark !== null && !resumes) ctx.log.warn('the file is not the one that was read; it is read from its start', { path: options.path })

  const source = await FileSource.at(file, resumes ? mark.offset : 0, options)
  try {
    while (!stop.aborted) {
      const read = await source.read()
      const batch = read === 'end' ? source.finish() : read
      if (batch !== null) yield batch
      if (read === 'end') return
    }
  } finally {
    await source.close()
  }
}

/** Decompresses as it is pulled, one member after the other. What comes before a broken place is given before the error. */
async function * unzip ({ path, maxLine, onTruncated }: FileSourceOptions, stop: AbortSignal): AsyncGenerator<Batch> {
  // a mark of one byte: an error throws away what was decompressed ahead of the consumer, so nothing is
  const gunzip = createGunzip({ ...{ readableHighWaterMark: 1 }, chunkSize: 64 << 10 })
  pipeline(createReadStream(path), gunzip, () => { /* chunksOf sees the error */ })
  const splitter = new Splitter(maxLine, onTruncated)
  for await (const chunk of chunksOf(gunzip, path, stop)) {
    const lines = splitter.push(chunk)
    const batch = lines === null ? null : batchOfBytes(lines)
    if (batch !== null) yield batch
  }
  const rest = stop.aborted ? null : splitter.end()
  const last = rest === null ? null : batchOfBytes(rest)
  if (last !== null) yield last
}
