import { existsSync } from 'node:fs'
import type { OptOut } from '../event/opt-out.js'
import { openSchemas } from '../event/schema-repository.js'
import type { SchemaRepository } from '../event/schemas.js'
import { ConfigError, exitCodeOf, exitCodes, messageOf, VanadiumError } from '../errors.js'
import { takeCredentialsFrom } from '../file/secret-file.js'
import { createLog, type Log } from '../log.js'
import { createMetrics, type Metrics } from '../metrics.js'
import { checkRegistry } from '../registry/registry.js'
import type { Context } from '../stream/contracts.js'
import { createDeadLetters } from '../stream/dead-letters.js'
import { functionIn, loadPlugIns, type PlugInFunctions } from '../stream/plug-ins.js'
import { Lags } from '../stream/lag.js'
import type { Ledger } from '../stream/ledger.js'
import { saveWithPatience } from '../stream/save.js'
import { openState, stateFile, type State } from '../stream/state.js'
import { Schemes } from '../stream/schemes.js'
import { streamOf } from '../stream/uri.js'
import { booked, named } from '../stream/wrap.js'
import { messageWithPlace, readArguments, type Argument } from './arguments.js'
import type { Command, CommandContext, Transports } from './command.js'
import { holdRegistry, type HeldRegistry } from './held-registry.js'
import { startLifeCycle, type LifeCycle, type Stages } from './life-cycle.js'
import { openNotifier, type Notifier } from './notify.js'
import { openOptOut } from './opt-out.js'
import { parseOptions, type CommonOptions } from './options.js'
import { endWithParent } from './parent.js'
import { nowhere, startPulse } from './pulse.js'
import { schemaOptions } from './schema-options.js'
import { statsdTarget } from './statsd-target.js'
import { StatusLine } from './status-line.js'

/**
 * Runs a command with the arguments after its name; resolves with the exit code when everything is released. Nothing is
 * written to stdout except by the command, and for `--help` and `--config-check`.
 */
export async function runCommand (command: Command, args: readonly string[]): Promise<number> {
  let log = createLog({ fields: { daemon: command.name } })
  let given: readonly Argument[] = []
  const notifier = openNotifier(process.env, log)
  takeCredentialsFrom(process.env['CREDENTIALS_DIRECTORY'])
  try {
    given = readArguments(args, command.verbatim)
    const parsed = parseOptions(command, given.map(({ text }) => text), Math.min(process.stdout.columns ?? 100, 120))
    if (typeof parsed === 'string') {
      process.stdout.write(`${parsed}\n`)
      return exitCodes.done
    }
    const { own } = parsed
    const common = command.adopt?.(own, parsed.common) ?? parsed.common
    const name = common.name ?? command.name
    const errors: Errors = { note: () => {} }
    log = createLog({ level: common['log-level'], fields: { daemon: command.name, name }, onError: message => { errors.note(message) } })
    return await prepareAndRun(command, name, common, own, { log, errors, notifier })
  } catch (error) {
    if (command.failed !== undefined) return command.failed(error)
    const message = messageWithPlace(error, given)
    logFailure(log, error, message)
    // what checks a configuration is not the daemon that systemd wants to hear
    if (command.isDaemon === true && !args.includes('--config-check')) notifier.status(message)
    return exitCodeOf(error)
  } finally {
    notifier.end()
    log.flush()
  }
}

/** Where errors are noted; the state, when it is open. */
interface Errors {
  note (message: string): void
}

interface Heard {
  readonly log: Log
  readonly errors: Errors
  readonly notifier: Notifier
}

async function prepareAndRun (command: Command, name: string, common: CommonOptions, own: never | object, { log, errors, notifier }: Heard): Promise<number> {
  const transports = command.light === true ? noTransports() : await builtInTransports()
  const functions: PlugInFunctions = new Map()
  await loadPlugIns(common.plugins, { ...transports, functions, log })
  const run = command.prepare(own as never, transports, common)
  const statsd = statsdTarget(common, log)
  // who does not use it goes on without what is installed, whatever is wrong with that
  const registry = holdRegistry({ path: common.registry, isDaemon: command.isDaemon === true }, log)
  if (common['config-check']) checkRegistry(common.registry)
  else if (common.registry !== undefined && command.readsRegistry !== true) registry.get()
  const schemas = command.light === true ? noSchemas : await openSchemas(schemaOptions(common, log))
  if (common['config-check']) {
    process.stdout.write(`vanadium ${command.name}: the configuration is good\n`)
    return exitCodes.done
  }
  const status = new StatusLine(notifier.status)
  const cycle = startLifeCycle(log, { stages: stagesOf(notifier, status) })
  endWithParent(cycle)
  try {
    const metrics = createMetrics(statsd, `${command.name}.${name.replace(/[^A-Za-z0-9_-]/g, '_')}`)
    cycle.defer('metrics', async () => { await metrics.close() })
    cycle.onReload(async () => { await schemas.reload() })
    const ctx = createContext(command.name, name, { common, log, errors, notifier, status, metrics, cycle, transports, functions, schemas, registry })
    await run(ctx)
    await cycle.release()
    log.info('stopped', { counts: Object.fromEntries(metrics.counts()) })
    return Number(process.exitCode ?? exitCodes.done)
  } finally {
    await cycle.release()
  }
}

/** A reload is over when its failure is told: `systemctl reload` waits for that. */
function stagesOf (notifier: Notifier, status: StatusLine): Stages {
  return {
    stopping (what) {
      notifier.stopping()
      status.doing(`stopping: ${what}`)
    },
    reloading: notifier.reloading,
    reloaded (failure) {
      status.reloaded(failure)
      notifier.reloaded()
    }
  }
}

/** Not loaded before they are needed: they bring the libraries of everything that a stream may be. */
async function builtInTransports (): Promise<Transports> {
  const [{ builtInReaders }, { builtInWriters }] = await Promise.all([import('../readers/index.js'), import('../writers/index.js')])
  return { readers: builtInReaders(), writers: builtInWriters() }
}

function noTransports (): Transports {
  return { readers: new Schemes('reader'), writers: new Schemes('writer') }
}

const noSchemas: SchemaRepository = { find: () => undefined, canFetch: () => false, fetch: async () => undefined, list: () => [], reload: async () => {} }

interface Parts extends Heard {
  readonly common: CommonOptions
  readonly status: StatusLine
  readonly metrics: Metrics
  readonly cycle: LifeCycle
  readonly transports: Transports
  readonly functions: PlugInFunctions
  readonly schemas: Context['schemas']
  readonly registry: HeldRegistry
}

function createContext (daemon: string, name: string, { common, log, errors, notifier, status, metrics, cycle, transports, functions, schemas, registry }: Parts): CommandContext {
  let state: State | null = null
  let ledger: Ledger | null = null
  let optOut: OptOut | null = null
  const opening = (uri: string): void => {
    notifier.progress()
    status.opening(streamOf(uri))
  }
  cycle.onReload(() => registry.reload())
  const ctx: CommandContext = {
    daemon,
    name,
    log,
    metrics,
    stop: cycle.stop,
    schemas,
    deadLetters: createDeadLetters(name, log, metrics),
    lags: new Lags(metrics),
    get state () {
      if (state === null) {
        const opened = state = openState(common.state, `${daemon}-${name}`, { fsync: common.fsync })
        const pulse = startPulse(opened, ctx, status.figures)
        errors.note = message => { pulse.note({ atMs: Date.now(), message }) }
        cycle.defer('state', () => {
          pulse.end()
          errors.note = () => {}
          opened.close()
        })
      }
      return state
    },
    defer: cycle.defer,
    onReload: cycle.onReload,
    get optOut () { return (optOut ??= openOptOut(common, ctx)) },
    get registry () { return registry.get() },
    describe: registry.describe,
    get ledger () { return (ledger ??= openLedger(ctx, status)) },
    get stateIfAny () { return state !== null || existsSync(stateFile(common.state, `${daemon}-${name}`)) ? ctx.state : null },
    async save () { if (state !== null) await saveWithPatience(state, ctx) },
    progress: notifier.progress,
    waiting (what, why) {
      status.waiting(what, why)
      notifier.progress()
    },
    ready (fields) {
      log.info('ready', fields)
      status.doing(null)
      notifier.ready()
    },
    async openReader (uri) {
      opening(uri)
      const reader = await transports.readers.open(uri, ctx)
      cycle.defer(uri, async () => { await reader.close() })
      return named(reader, streamOf(uri))
    },
    async openWriter (uri) {
      opening(uri)
      const writer = await transports.writers.open(uri, ctx)
      cycle.defer(uri, async () => { await writer.close() })
      return transports.writers.check(uri).handler.wraps === true ? writer : booked(writer, streamOf(uri), ctx)
    },
    plugInFunction: name => functionIn(functions, name)
  }
  return ctx
}

/** A daemon that needs no state works without it too; then nobody can look into its books. */
function openLedger (ctx: Context, status: StatusLine): Ledger {
  try {
    return ctx.state.ledger
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    ctx.log.info('no ledger is kept', { reason: error.message })
    const pulse = startPulse(nowhere, ctx, status.figures)
    ctx.defer('pulse', () => { pulse.end() })
    return { enter: () => {}, add: () => {} }
  }
}

function logFailure (log: Log, error: unknown, message: string): void {
  if (error instanceof VanadiumError) log.error(message, { code: error.code, ...error.details, ...(error.cause === undefined ? {} : { cause: messageOf(error.cause) }) })
  else log.error('bug: an unexpected error', { error })
}
