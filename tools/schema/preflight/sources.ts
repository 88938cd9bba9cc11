import { readdirSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { expandArguments } from '../../../lib/cli/arguments.js'
import { readProcessorFile } from '../../../lib/cli/processor-options.js'
import { ConfigError } from '../../../lib/errors.js'
import { compileFormat, type LineFormat } from '../../../lib/event/line-format.js'
import type { Reader } from '../../../lib/stream/contracts.js'
import type { Schemes } from '../../../lib/stream/schemes.js'
import { argumentFilesIn } from '../../check/instances.js'
import { liveInputs, wrappersOf, type OpenLiveInput } from '../../replay/live-input.js'

/** Argument files of the installed layout. */
const installed = '/etc/vanadium.d/processors'

/** Raw lines that are read alike. */
export interface RawSource {
  readonly paths: readonly string[]
  readonly format: LineFormat
  /** Longest line, in characters. */
  readonly maxLine: number
  readonly live: OpenLiveInput
}

export interface SourceOptions {
  readonly raw: readonly string[]
  readonly format: string | undefined
  readonly processor: readonly string[]
}

/** The argument files that say how lines are read: those given, or those of this host where nothing is. */
export function processorFiles ({ raw, format, processor }: SourceOptions): string[] {
  return processor.length > 0 || format !== undefined || raw.length > 0 ? [...processor] : argumentFilesIn(installed)
}

/** What is read, as the options say it; of logs that they do not name, the files that were written to since `fromMs`. Throws `ConfigError`. */
export function sourcesOf (options: SourceOptions, fromMs: number, readers: Schemes<Reader>): RawSource[] {
  const { raw, format, processor } = options
  if (format !== undefined && processor.length > 0) throw new ConfigError('bad-option', '--format and --processor are both given; one of them says how lines are read')
  if (raw.length === 0 && format !== undefined) throw new ConfigError('bad-option', '--format is given without --raw; name the files of raw lines')
  if (raw.length > 0 && format === undefined && processor.length !== 1) {
    throw new ConfigError('bad-option', `--raw is given with ${processor.length} times --processor; say how its lines are read: one --processor, as ${installed}/client-side, or one --format, as %j for a capsule a line`)
  }
  const inputs = liveInputs(readers)
  if (format !== undefined) return [{ paths: raw, format: compileFormat(format), maxLine: defaultMaxLine, live: inputs(null) }]
  const sources = processorFiles(options).map(file => {
    const { own } = readProcessorFile('--processor', file)
    return {
      paths: raw.length > 0 ? raw : own.input.flatMap(uri => logsOf(endpointOf(uri), file)).flatMap(path => filesSince(path, fromMs)),
      format: compileFormat(own.format),
      maxLine: own['max-line'],
      live: inputs(wrappersOf(own.input, readers, `--processor ${file}`))
    }
  })
  if (sources.every(({ paths }) => paths.length === 0)) {
    throw new ConfigError('bad-option', `no raw lines were found: ${sources.length === 0 ? `there is no ${installed}` : `no consumer beside ${sources.length === 1 ? 'the processor' : 'the processors'} has written any to a file lately`}; name files with --raw`)
  }
  return sources
}

/** That of a processor. */
const defaultMaxLine = 65_536

/** Host and port, or path, without what wraps it and without options. */
function endpointOf (uri: string): string {
  return uri.replace(/\?.*$/s, '').replace(/^(?:[a-z-]+:)*?(?=[a-z]+:\/\/)/, '')
}

/** The files into which consumers of the same host write what comes from there. */
function logsOf (endpoint: string, processorFile: string): string[] {
  return argumentFilesIn(join(dirname(processorFile), '..', 'consumers')).map(valuesIn)
    .filter(({ input }) => input.some(uri => endpointOf(uri) === endpoint))
    .flatMap(({ output }) => output.map(endpointOf).filter(uri => uri.startsWith('file:///')).map(uri => decodeURIComponent(new URL(uri).pathname)))
}

function valuesIn (file: string): { input: string[], output: string[] } {
  const values = { input: [] as string[], output: [] as string[] }
  let option = ''
  for (const argument of expandArguments([`@${file}`])) {
    if (argument.startsWith('--')) option = argument.slice(2)
    else if (option === 'input' || option === 'output') values[option].push(argument)
  }
  return values
}

/** A log and what it was rotated to. */
function filesSince (path: string, fromMs: number): string[] {
  const [directory, name] = [dirname(path), basename(path)]
  try {
    return readdirSync(directory)
      .filter(other => other === name || (other.startsWith(name) && /^[.-]\d[\d.-]*(\.gz)?$/.test(other.slice(name.length))))
      .map(other => join(directory, other))
      .filter(file => statSync(file).mtimeMs >= fromMs)
  } catch {
    return []
  }
}
