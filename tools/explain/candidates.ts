import { createHmac, randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { readProcessorFile, type ProcessorOptions } from '../../lib/cli/processor-options.js'
import { ConfigError } from '../../lib/errors.js'
import { compileFormat, type LineFormat } from '../../lib/event/line-format.js'
import { createLineParser, type Converters } from '../../lib/event/line-parser.js'
import { createEventProcessor } from '../../lib/event/processor.js'
import type { SchemaRepository } from '../../lib/event/schemas.js'
import { createUserAgentParser } from '../../lib/event/user-agent.js'
import { parseUri } from '../../lib/stream/uri.js'
import { argumentFilesIn } from '../check/instances.js'
import type { Decisions } from './decisions.js'
import type { Candidate } from './line.js'

export const installedProcessors = '/etc/vanadium.d/processors'

/** A processor as its options say, not opened. */
export interface ProcessorPlan {
  readonly label: string
  readonly format: LineFormat
  readonly maxLine: number
  readonly keepsInvalid: boolean
  readonly steps: readonly PlugInStep[]
}

/** A function of a plug-in that a processor's streams go through. */
export interface PlugInStep {
  readonly scheme: 'filter' | 'map'
  readonly name: string
  /** Whether it has lines, before they are parsed; or else what came of them. */
  readonly isBefore: boolean
}

/** The argument files that are meant: those that are named, or those of this host. */
export function processorFiles (named: readonly string[], format: string | undefined): string[] {
  return named.length > 0 || format !== undefined ? [...named] : argumentFilesIn(installedProcessors)
}

/** None where there is no processor. Throws `ConfigError` for a bad format. */
export function planProcessors (files: readonly string[], format: string | undefined): ProcessorPlan[] {
  const plans = files.map(file => {
    const { own } = readProcessorFile('--processor', file)
    return { label: file, format: compileFormat(own.format), maxLine: own['max-line'], keepsInvalid: (own.invalid ?? []).length > 0, steps: stepsOf(own) }
  })
  if (format !== undefined) plans.unshift({ label: '--format', format: compileFormat(format), maxLine: 65_536, keepsInvalid: true, steps: [] })
  return plans
}

/** A line means nothing without one. Throws `ConfigError`. */
export function requireProcessor (plans: readonly ProcessorPlan[]): void {
  if (plans.length === 0) throw new ConfigError('bad-option', `there is no processor in ${installedProcessors}; give the argument file of one with --processor, or a --format`)
}

function stepsOf ({ input, output, invalid = [] }: ProcessorOptions): PlugInStep[] {
  return [...new Set([...input, ...output, ...invalid])].flatMap(uri => {
    const [, scheme] = /^(?:[a-z-]+:)*?(filter|map):/.exec(uri) ?? []
    const name = parseUri(uri).query.find(([option]) => option === 'function')?.[1] ?? ''
    return scheme === 'filter' || scheme === 'map' ? [{ scheme, name, isBefore: input.includes(uri) }] : []
  })
}

/**
 * What the processors of a host would make of lines, but for the hashes of addresses: their key is theirs alone, so here they are made
 * with one that is forgotten.
 */
export function openCandidates (plans: readonly ProcessorPlan[], schemas: SchemaRepository, { sampler, optOut }: Decisions, key = randomBytes(64)): Candidate[] {
  const userAgents = createUserAgentParser()
  const converters: Converters = {
    hashAddress: address => /^[0-9a-f]{40}$/.test(address) ? address : createHmac('sha1', key).update(address).digest('hex'),
    parseUserAgent: userAgent => userAgents.parse(userAgent)
  }
  return plans.map(({ label, format, maxLine, keepsInvalid, steps }) => ({
    label,
    format,
    maxLine,
    keepsInvalid,
    steps,
    parser: createLineParser(format, converters),
    events: createEventProcessor({ ...converters, format, schemas, sampler, optOut, maxLine, hostname: hostname() })
  }))
}
