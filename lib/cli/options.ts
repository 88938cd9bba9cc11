import { createRequire } from 'node:module'
import type { Argv, InferredOptionTypes, Options } from 'yargs'
import { about, ConfigError } from '../errors.js'
import { logLevels } from '../log.js'
import { fsyncPolicies } from '../stream/last-run.js'
import type { CommandLine } from './command.js'
import { version } from '../version.js'

// the ES module of yargs breaks help texts in the middle of words, its CommonJS twin does not
const yargs = createRequire(import.meta.url)('yargs') as () => Argv

/** Options of every command. Units are in the descriptions. */
export const commonOptions = {
  name: { type: 'string', description: 'Instance name: in logs, metrics and the state file [default: the command\'s name]', requiresArg: true },
  schemas: { type: 'string', array: true, default: [] as string[], description: 'Directories with <Name>/<revision>.json or .yaml, searched before the ones that come with vanadium', requiresArg: true },
  'schemas-url': { type: 'string', description: 'Remote schema repository, asked for what no directory has: a URL with {name} and {revision}', requiresArg: true },
  registry: { type: 'string', description: 'What is known of schemas besides their shape: owners, thresholds [default: /etc/vanadium/registry.yaml, if it is there]', requiresArg: true },
  optout: { type: 'string', description: 'Users who opted out, as vanadium optout writes them [default: optout in --state]', requiresArg: true },
  'optout-key': { type: 'string', default: '/etc/vanadium/optout.key', description: 'The key that they are hashed with', requiresArg: true },
  plugins: { type: 'string', array: true, default: [] as string[], description: 'Directories of plug-ins (*.js)', requiresArg: true },
  state: { type: 'string', default: '/var/lib/vanadium', description: 'Directory in which the instance keeps what must survive a restart', requiresArg: true },
  fsync: { choices: fsyncPolicies, default: 'save' as const, description: 'When what is saved in the state survives a power cut: at each save, or only some seconds later, at a checkpoint, which is faster. A crash or kill of the process loses nothing with either', requiresArg: true },
  statsd: { type: 'string', description: 'Where counters go: HOST:PORT', requiresArg: true },
  prefix: { type: 'string', default: 'eventlogging', description: 'Before every metric name', requiresArg: true },
  interval: { type: 'number', default: 5, description: 'Seconds between sending counters', requiresArg: true },
  'flush-interval': { type: 'number', default: 1, description: 'Seconds within which a lone record is stored', requiresArg: true },
  'log-level': { choices: logLevels, default: 'info' as const, description: 'Least level that is logged, as JSON lines on stderr', requiresArg: true },
  'config-check': { type: 'boolean', default: false, description: 'Check all options, URIs, formats and schemas, then exit: 0 good, 78 bad' }
} as const satisfies Record<string, Options>

export type CommonOptions = InferredOptionTypes<typeof commonOptions>

export interface ParsedOptions<O extends Record<string, Options>> {
  readonly common: CommonOptions
  readonly own: InferredOptionTypes<O>
}

/**
 * The options of a command line, argument files expanded already. Returns the help text, or the version, instead when that is asked for.
 * Throws `ConfigError` for what is unknown, missing, repeated, or of the wrong type.
 */
export function parseOptions<O extends Record<string, Options>> (command: CommandLine<O>, args: readonly string[], width: number): ParsedOptions<O> | string {
  const parser = argumentParser(command, width)
  let help: string | null = null
  const argv = blaming(command, args, () => parser.parseSync([...args], {}, (_error: unknown, _argv: unknown, output: string) => { help = output === '' ? null : output }))
  if (help !== null) return help
  takeOperands(argv, command)
  const options = { ...commonOptions, ...command.options }
  refuseRepeats(argv, options)
  refuseNoNumbers(argv, options)
  const missing = Object.entries(command.options).filter(([name, { demandOption }]) => demandOption === true && argv[name] === undefined)
    .map(([name]) => name === command.operands?.option ? `the argument ${command.operands.usage}` : `--${name}`)
  if (missing.length > 0) throw badOption(command, `${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} missing`)
  return { common: argv as unknown as CommonOptions, own: argv as unknown as InferredOptionTypes<O> }
}

/** What the parser throws is about the argument with which it begins to. */
function blaming<T> (command: CommandLine, args: readonly string[], parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (error instanceof ConfigError) error.subject = firstMistake(command, split(args))?.subject ?? null
    throw error
  }
}

/** An option with its values. */
export interface Part {
  readonly args: readonly string[]
  /** Why the parser does not take it, whatever else there is; null if it does. */
  readonly mistake: ConfigError | null
}

/** Options one by one, so that everything that is wrong can be told and not only the first. */
export function partsOf (command: CommandLine, args: readonly string[]): Part[] {
  return examined(command, split(args))
}

function split (args: readonly string[]): string[][] {
  const starts = args.flatMap((arg, at) => at === 0 || /^--?[A-Za-z]/.test(arg) ? [at] : [])
  return starts.map((start, at) => args.slice(start, starts[at + 1]))
}

/** A parser for each option would take long where there are many: what is good together is good one by one. */
function examined (command: CommandLine, parts: readonly string[][]): Part[] {
  const mistake = mistakeIn(command, parts.flat())
  if (mistake === null) return parts.map(args => ({ args, mistake }))
  const [first = [], ...others] = parts
  if (others.length === 0) return [{ args: first, mistake: blamed(command, first, mistake) }]
  return halves(parts).flatMap(half => examined(command, half))
}

function firstMistake (command: CommandLine, parts: readonly string[][]): ConfigError | null {
  const mistake = mistakeIn(command, parts.flat())
  const [first = [], ...others] = parts
  if (mistake === null || others.length === 0) return mistake === null ? null : blamed(command, first, mistake)
  const [left, right] = halves(parts)
  return firstMistake(command, left) ?? firstMistake(command, right)
}

function halves <T> (things: readonly T[]): [T[], T[]] {
  const middle = things.length >> 1
  return [things.slice(0, middle), things.slice(middle)]
}

/** A value too many is the mistake, not the option before it; of a value that is missing or wrong the option is to blame. */
function blamed (command: CommandLine, part: readonly string[], mistake: ConfigError): ConfigError {
  const isGood = (length: number): boolean => mistakeIn(command, part.slice(0, length)) === null
  // an option may need a value, so that it is good with one and not without
  let good = isGood(2) ? 2 : isGood(1) ? 1 : 0
  for (let bad = good === 2 ? part.length : good; bad - good > 1;) {
    const middle = (good + bad) >> 1
    if (isGood(middle)) good = middle
    else bad = middle
  }
  mistake.subject = part[good] ?? null
  return mistake
}

/** What is wrong with options whichever others there are. */
function mistakeIn (command: CommandLine, args: readonly string[]): ConfigError | null {
  try {
    const argv = argumentParser(command, 80).parseSync([...args], {}, () => {})
    takeOperands(argv, command)
    refuseNoNumbers(argv, { ...commonOptions, ...command.options })
    return null
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
}

/** Operands join what was given with the name of their option. */
function takeOperands (argv: Record<string, unknown> & { _: Array<string | number> }, command: CommandLine): void {
  const [unexpected, ...others] = argv._
  if (unexpected === undefined) return
  if (command.operands === undefined) return about(String(unexpected), () => { throw badOption(command, `unexpected argument "${unexpected}"`) })
  const { option } = command.operands
  const named = argv[option]
  argv[option] = [...Array.isArray(named) ? named as unknown[] : [], ...[unexpected, ...others].map(String)]
}

function argumentParser (command: CommandLine, width: number): Argv {
  const parser = yargs()
    .scriptName(`${command.program ?? 'vanadium'} ${command.name}`)
    .usage(`${command.summary}\n\nUsage: $0 ${command.operands === undefined ? '' : `${command.operands.usage} `}[options] [@file…]`)
    .parserConfiguration({
      'camel-case-expansion': false,
      'dot-notation': false,
      'boolean-negation': false,
      'strip-aliased': true,
      'parse-positional-numbers': false,
      // operands may follow an option that takes several; such an option is then given several times
      'greedy-arrays': command.operands === undefined
    })
    .options(withoutDemands(command.options))
    .group(Object.keys(command.options), 'Options:')
    .options(commonOptionsOf(command))
    .group([...Object.keys(commonOptionsOf(command)), 'help', 'version'], 'Common options:')
    .default(command.defaults ?? {})
    .epilogue(`${examplesOf(command)}${command.notes ?? ''}An argument @path reads more arguments from that file, one a line; # starts a comment.${command.light === true ? '' : '\nStream URIs and their options: docs/uris.md.'}`)
    .detectLocale(false)
    .strictOptions()
    .help()
    .alias('help', 'h')
    .version(version())
    .alias('version', 'V')
    .wrap(width)
    .exitProcess(false)
    .fail((message: string | null, error: Error | undefined) => { throw error instanceof ConfigError ? error : badOption(command, message ?? error?.message ?? 'bad option') })
  return parser
}

/** Those that mean something to a light command; it takes the others all the same. */
const lightOptions: readonly string[] = ['registry', 'state', 'prefix', 'config-check']

/** The common options that the help of a command shows, as they are for it. */
export function shownCommonOptions (command: CommandLine): Record<string, Options> {
  return Object.fromEntries(Object.entries(commonOptionsOf(command)).filter(([, { hidden }]) => hidden !== true))
}

/** Without those that a command has as its own, with another meaning or another place in its help. */
function commonOptionsOf ({ light, options }: CommandLine): Record<string, Options> {
  const others = Object.entries(commonOptions).filter(([name]) => !Object.hasOwn(options, name))
  return Object.fromEntries(others.map(([name, option]) => [name, { ...option, hidden: light === true && !lightOptions.includes(name) }]))
}

/** What is missing is said after what is misspelt: the one is often the other. */
function withoutDemands (options: Record<string, Options>): Record<string, Options> {
  return Object.fromEntries(Object.entries(options).map(([name, { demandOption, ...option }]) =>
    [name, demandOption === true ? { ...option, description: `${option.description ?? ''} [required]` } : option]))
}

/** One line each, to be copied. */
function examplesOf (command: CommandLine): string {
  return `Examples:\n${command.examples.map(([line, does]) => `  # ${does}\n  ${line}\n`).join('')}\n`
}

function badOption (command: CommandLine, message: string): ConfigError {
  const problem = message.split('\n').map(line => line.trim().replace(/:$/, '')).filter(line => line !== '').join('; ')
  const allowed = [...Object.keys(command.options), ...Object.keys(shownCommonOptions(command))].map(name => `--${name}`).join(' ')
  return new ConfigError('bad-option', `${problem.charAt(0).toLowerCase()}${problem.slice(1)}; ${command.name} takes ${allowed}`)
}

/** yargs makes an array of an option that is given twice; where one value is meant, the second would be lost or surprise. */
function refuseRepeats (argv: Record<string, unknown>, options: Record<string, Options>): void {
  for (const [name, { array }] of Object.entries(options)) {
    const value = argv[name]
    if (array === true || !Array.isArray(value)) continue
    about(`--${name}`, () => { throw new ConfigError('bad-option', `--${name} is given ${value.length} times (${value.join(', ')}); give it once`) })
  }
}

function refuseNoNumbers (argv: Record<string, unknown>, options: Record<string, Options>): void {
  for (const [name, { type }] of Object.entries(options)) {
    const values = type === 'number' ? [argv[name] ?? []].flat() as unknown[] : []
    if (values.every(value => typeof value === 'number' && Number.isFinite(value))) continue
    about(`--${name}`, () => { throw new ConfigError('bad-option', `--${name} is "${values.join(', ')}"; give a number`) })
  }
}

/** Of the interval: the rest is for what a flush takes, so that a record is there within it. */
const shareBeforeFlush = 0.8

/** How `drive` flushes. Throws `ConfigError`. */
export function flushing ({ 'flush-interval': seconds }: CommonOptions): { flushIntervalMs: number } {
  return about('--flush-interval', () => {
    if (!(seconds > 0)) throw new ConfigError('bad-option', `--flush-interval ${seconds}: give seconds, more than 0`)
    return { flushIntervalMs: seconds * 1000 * shareBeforeFlush }
  })
}
