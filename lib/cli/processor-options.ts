import { hostname } from 'node:os'
import { resolve } from 'node:path'
import type { InferredOptionTypes, Options } from 'yargs'
import { about, ConfigError, messageOf, VanadiumError } from '../errors.js'
import { openAddressHasher } from '../event/address-hash.js'
import { compileFormat, type LineFormat } from '../event/line-format.js'
import { createEventProcessor, type EventProcessor } from '../event/processor.js'
import { createSampler } from '../event/sampling.js'
import { createUserAgentParser } from '../event/user-agent.js'
import { expandArguments } from './arguments.js'
import type { CommandContext } from './command.js'
import { optOutFiles } from './opt-out.js'
import { commonOptions, parseOptions, type CommonOptions, type ParsedOptions } from './options.js'

/** The options of a processor: those of the daemon, and of what does its work again later. */
export const processorOptions = {
  format: { type: 'string', demandOption: true, requiresArg: true, description: 'Template of a line; its specifiers are below' },
  input: { type: 'string', array: true, demandOption: true, requiresArg: true, description: 'Stream URIs of raw lines' },
  output: { type: 'string', array: true, demandOption: true, requiresArg: true, description: 'Stream URIs for valid events: each gets every event' },
  invalid: { type: 'string', array: true, requiresArg: true, description: 'Stream URIs for EventErrors: each gets every one; they may be outputs [default: counted and logged only]' },
  'max-line': { type: 'number', default: 65_536, requiresArg: true, description: 'Longest line in characters; what is longer becomes an EventError' },
  'address-key': { type: 'string', default: '/run/vanadium/address.key', requiresArg: true, description: 'File of the key that %h hashes addresses with, shared by the processors of a host; on a tmpfs' }
} as const satisfies Record<string, Options>

export type ProcessorOptions = InferredOptionTypes<typeof processorOptions>

/** Returns what turns lines into events. Throws `ConfigError` where the registry cannot be used: what it leaves out must not pass. */
export type OpenProcessor = (ctx: CommandContext) => EventProcessor

/** What the options make of lines. Throws `ConfigError`. */
export function prepareProcessor (options: Pick<ProcessorOptions, 'format' | 'max-line' | 'address-key'>): { format: LineFormat, open: OpenProcessor } {
  const { 'max-line': maxLine, 'address-key': keyFile } = options
  const format = about('--format', () => compileFormat(options.format))
  about('--max-line', () => {
    if (!Number.isInteger(maxLine) || maxLine < 1) throw new ConfigError('bad-option', `--max-line ${maxLine}: give a whole number of characters, at least 1`)
  })

  function open (ctx: CommandContext): EventProcessor {
    const hasher = format.fields.some(field => field.conversion === 'address') ? openAddressHasher({ keyFile, log: ctx.log }) : null
    if (hasher !== null) ctx.defer('address key', () => { hasher.close() })
    const userAgents = createUserAgentParser()
    const sampler = createSampler(() => ctx.registry)
    return createEventProcessor({
      format,
      schemas: ctx.schemas,
      sampler,
      hashAddress: address => hasher === null ? address : hasher.hash(address),
      parseUserAgent: userAgent => userAgents.parse(userAgent),
      maxLine,
      hostname: hostname(),
      optOut: ctx.optOut
    })
  }

  return { format, open }
}

/** The options that a processor's argument file gives. Throws `ConfigError` that names `option`, by which the file came. */
export function readProcessorFile (option: string, file: string): ParsedOptions<typeof processorOptions> {
  try {
    const parsed = parseOptions({ name: 'processor', summary: '', examples: [], options: processorOptions }, expandArguments([`@${file}`]), 80)
    if (typeof parsed !== 'string') return parsed
    throw new ConfigError('bad-option', 'it asks for the help; name the argument file of a processor')
  } catch (cause) {
    throw new ConfigError(cause instanceof VanadiumError ? cause.code : 'bad-option', `${option} ${file}: ${messageOf(cause)}`, { cause })
  }
}

/**
 * Schemas and plug-ins are those of the live processor, after what is given besides; so are the registry, by which events are sampled, and
 * the list of users who opted out. Throws as `readProcessorFile`.
 */
export function withThoseOf (option: string, file: string, common: CommonOptions): CommonOptions {
  const { common: live } = readProcessorFile(option, file)
  const url = common['schemas-url'] ?? live['schemas-url']
  const registry = common.registry ?? live.registry
  return {
    ...common,
    schemas: [...new Set([...common.schemas, ...live.schemas])],
    plugins: [...new Set([...common.plugins, ...live.plugins].map(directory => resolve(directory)))],
    ...url === undefined ? {} : { 'schemas-url': url },
    ...registry === undefined ? {} : { registry },
    optout: common.optout ?? optOutFiles(live).file,
    'optout-key': common['optout-key'] === commonOptions['optout-key'].default ? live['optout-key'] : common['optout-key']
  }
}
