import type { Options as YargsOptions } from 'yargs'
import { placeOf, readArguments, type Argument } from '../../lib/cli/arguments.js'
import type { Command } from '../../lib/cli/command.js'
import { parseOptions, partsOf, type CommonOptions, type ParsedOptions } from '../../lib/cli/options.js'
import { statsdTarget } from '../../lib/cli/statsd-target.js'
import { about, ConfigError } from '../../lib/errors.js'
import { hidePasswords } from '../../lib/stream/uri.js'
import { functionIn, loadPlugIns, type PlugInFunctions } from '../../lib/stream/plug-ins.js'
import { folders, instanceOf } from '../check/instances.js'
import { problemAt, problemsIn, type Problem } from './problem.js'
import { quietLog } from './quiet-log.js'
import { argumentOf, harmlessUri, streamOptions, takeApart, transportsWithoutSecrets, type StreamUse } from './stream-use.js'

/** An argument file, as its daemon would take it. */
export interface InstanceFile {
  readonly file: string
  readonly daemon: string
  readonly instance: string
  readonly problems: readonly Problem[]
  /** Those of its streams whose URI is good. */
  readonly streams: readonly StreamUse[]
  /** Null if the options cannot be understood. */
  readonly options: ParsedOptions<Record<string, YargsOptions>> | null
  readonly args: readonly Argument[]
}

/** The daemons by name; loaded when one is asked for. */
export const daemons: Readonly<Record<string, () => Promise<Command>>> = {
  forwarder: async () => (await import('../../daemons/forwarder.js')).forwarder,
  processor: async () => (await import('../../daemons/processor.js')).processor,
  consumer: async () => (await import('../../daemons/consumer.js')).consumer,
  monitor: async () => (await import('../../daemons/monitor.js')).monitor
}

/** What a unit can be called by. */
const unitName = /^[A-Za-z0-9:_.\\@-]+$/

/** Everything that is wrong with the file by itself, without opening anything. Throws `ConfigError` if it is in no folder of a daemon. */
export async function examineFile (file: string): Promise<InstanceFile> {
  const { daemon, instance } = instanceOf(file) ?? {}
  const load = daemons[daemon ?? '']
  if (daemon === undefined || instance === undefined || load === undefined) {
    throw new ConfigError('bad-option', `${file} is in no folder that says which daemon it is for; name a file in ${Object.keys(folders).join(', ')}`)
  }
  const command = await load()
  const named = unitName.test(instance) ? [] : [problemAt({ file, line: null }, `"${instance}" cannot be the name of an instance; use letters, digits and : _ . - @`)]
  let read: Argument[] = []
  const unread = await problemsIn(file, [], async () => { read = readArguments([`@${file}`], command.verbatim) })
  // as the unit starts it
  const args = [{ text: '--name', place: null }, { text: instance, place: null }, ...read]
  const start = { file, daemon, instance, args }
  if (unread.length > 0) return { ...start, problems: [...named, ...unread], streams: [], options: null }
  const { problems, options } = await understand(file, command, args)
  const rest = options === null ? { problems: [], streams: [] } : await examineOptions(file, command, args, options)
  return { ...start, options, streams: rest.streams, problems: [...named, ...problems, ...rest.problems] }
}

interface Understood {
  readonly problems: Problem[]
  readonly options: ParsedOptions<Record<string, YargsOptions>> | null
}

/** The options, without those that are wrong. */
async function understand (file: string, command: Command, args: readonly Argument[]): Promise<Understood> {
  const parts = partsOf(command, args.map(({ text }) => text))
  const mistakes = parts.flatMap(({ mistake }) => mistake ?? [])
  const good = parts.filter(({ mistake }) => mistake === null)
  let options: ParsedOptions<Record<string, YargsOptions>> | null = null
  for (let isUnderstood = false; !isUnderstood;) {
    try {
      const parsed = parseOptions(command, good.flatMap(({ args }) => args), 80)
      // a daemon that prints the help does not run
      if (typeof parsed === 'string') throw new ConfigError('bad-option', 'it asks for the help or the version; take that out')
      options = parsed
      isUnderstood = true
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      // given too often: without the last it may do
      const last = good.findLastIndex(({ args: [option] }) => error.subject !== null && (option === error.subject || option?.startsWith(`${error.subject}=`)))
      // what is missing is often what is misspelt: it is not told besides
      if (last !== -1 || mistakes.length === 0) mistakes.push(error)
      isUnderstood = last === -1
      good.splice(last, last === -1 ? 0 : 1)
    }
  }
  return { options, problems: mistakes.map(error => problemAt(placeOf(error, args) ?? { file, line: null }, error.message)) }
}

async function examineOptions (file: string, command: Command, args: readonly Argument[], { own, common }: ParsedOptions<Record<string, YargsOptions>>): Promise<Pick<InstanceFile, 'problems' | 'streams'>> {
  const log = quietLog()
  const transports = transportsWithoutSecrets()
  const functions: PlugInFunctions = new Map()
  const plugIns = await problemsIn(file, args, async () => { await loadPlugIns(common.plugins, { ...transports, functions, log }) })
  const streams: StreamUse[] = []
  const bad: Problem[] = []
  const usable: Record<string, unknown> = { ...own }
  for (const [option, kind] of Object.entries(streamOptions)) {
    const values = [usable[option] ?? []].flat() as string[]
    const looked = []
    for (const value of values) {
      const argument = argumentOf(option, value, args)
      const found = await problemsIn(file, [argument], async () => {
        const use = takeApart(option, kind, argument, transports)
        streams.push(use)
        if (plugIns.length === 0) requireFunctions(use, functions)
      })
      bad.push(...found)
      looked.push(found.length === 0 ? value : harmlessUri(kind, value))
    }
    if (values.length > 0) usable[option] = Array.isArray(usable[option]) ? looked : looked[0]
  }
  const others = await problemsIn(file, args, async () => { command.prepare(usable, transports, withoutCheck(common)) })
  const statsd = await problemsIn(file, args, async () => { statsdTarget(common, log) })
  return { problems: [...plugIns, ...bad, ...others, ...statsd], streams }
}

/** Of a list of users that cannot be read is told once, not for every processor. */
function withoutCheck (common: CommonOptions): CommonOptions {
  return { ...common, 'config-check': false }
}

/** Throws `ConfigError` for a function of `map:` or `filter:` that no plug-in adds. */
function requireFunctions ({ argument, functions: asked }: StreamUse, functions: PlugInFunctions): void {
  about(argument.text, () => {
    for (const name of asked) functionIn(functions, name, `${hidePasswords(argument.text)}: `)
  })
}
