import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command, CommandContext, Transports } from '../../lib/cli/command.js'
import { userFieldsIn } from '../../lib/cli/opt-out.js'
import type { CommonOptions } from '../../lib/cli/options.js'
import { schemaOptions } from '../../lib/cli/schema-options.js'
import { ConfigError, messageOf } from '../../lib/errors.js'
import { KnownNames } from '../../lib/event/known-names.js'
import { createOptOut } from '../../lib/event/opt-out.js'
import { openSchemas } from '../../lib/event/schema-repository.js'
import { createMetrics } from '../../lib/metrics.js'
import { openRegistry, type Registry } from '../../lib/registry/registry.js'
import { batchOfBytes } from '../../lib/stream/batch.js'
import type { Batch, Reader, Writer } from '../../lib/stream/contracts.js'
import { Lags } from '../../lib/stream/lag.js'
import { functionIn, loadPlugIns, type PlugInFunctions } from '../../lib/stream/plug-ins.js'
import { openState } from '../../lib/stream/state.js'
import { tidyLines } from '../../lib/stream/splitter.js'
import { daemons, type InstanceFile } from './instance-file.js'
import { problemText } from './problem.js'
import { quietLog } from './quiet-log.js'
import { transportsWithoutSecrets, withoutName } from './stream-use.js'

/** What became of a line. */
export interface Trial {
  /** What each output got, by its URI as the argument file has it. */
  readonly written: ReadonlyMap<string, readonly string[]>
  /** Why records were left out: `filtered`, `sampled`, `opted_out`. */
  readonly dropped: readonly string[]
  /** Why functions of plug-ins failed with it. */
  readonly failures: readonly string[]
}

export interface TrialOptions {
  /** Counts before what the argument file says. */
  readonly registry: string | undefined
  /** Directories of schemas that are searched before those of the argument file. */
  readonly schemas: readonly string[]
  /** Who is taken to have opted out; the list of the host is not read. */
  readonly optedOut: readonly string[]
}

/** Where errors of a processor go that has no `--invalid`. */
export const unkept = 'stdout://?pretty=never'
/** What leaves records out, as it is counted. */
const reasons = ['filtered', 'sampled', 'opted_out'] as const

/**
 * What the daemon of an argument file makes of lines that come by one of its inputs: it is that daemon itself which runs, with its own
 * options, between a source and sinks in memory, with a state and a key that are forgotten. Throws `ConfigError` if something is wrong
 * with the file.
 */
export async function tryLines (file: InstanceFile, input: string, lines: readonly string[], options: TrialOptions): Promise<Trial[]> {
  const wrong = file.problems.filter(({ severity }) => severity === 'error')
  if (file.options === null || wrong.length > 0) throw new ConfigError('bad-option', `${wrong.map(problemText).join('; ')}; vanadium config check has more`)
  const command = await (daemons[file.daemon] as () => Promise<Command>)()
  const directory = mkdtempSync(join(tmpdir(), 'vanadium-trial-'))
  const given = file.options.common
  const common: CommonOptions = { ...given, state: directory, schemas: [...options.schemas, ...given.schemas], 'config-check': false }
  const own: Record<string, unknown> = { ...file.options.own as object, ...file.daemon === 'processor' ? { 'address-key': join(directory, 'key') } : {} }
  if (file.daemon === 'processor' && own['invalid'] === undefined) own['invalid'] = [unkept]
  const trials = new Trials(lines)
  const ctx = await contextOf(file, common, options, { input, trials })
  try {
    await command.prepare(own, ctx.transports, common)(ctx)
    return trials.done
  } finally {
    await ctx.release()
    rmSync(directory, { recursive: true, force: true })
  }
}

/** The lines, one after the other, and what becomes of each. */
class Trials {
  readonly #lines: readonly string[]
  readonly #done: Trial[] = []
  #written = new Map<string, string[]>()
  #failures: string[] = []
  #before = reasons.map(() => 0)

  constructor (lines: readonly string[]) {
    this.#lines = lines
  }

  /** Being asked for the next, the daemon is through with the last. */
  async * batches (ctx: CommandContext): AsyncGenerator<Batch> {
    for (const line of this.#lines) {
      const batch = batchOfBytes(tidyLines(Buffer.from(line)))
      if (batch !== null) yield batch
      this.#next(ctx)
    }
  }

  write (output: string, records: readonly string[]): void {
    this.#written.set(output, [...this.#written.get(output) ?? [], ...records])
  }

  fail (reason: string): void {
    this.#failures.push(reason)
  }

  get done (): Trial[] {
    return this.#done
  }

  #next ({ metrics }: CommandContext): void {
    const now = reasons.map(reason => metrics.count(reason))
    this.#done.push({ written: this.#written, failures: this.#failures, dropped: reasons.filter((_reason, i) => (now[i] ?? 0) > (this.#before[i] ?? 0)) })
    this.#written = new Map()
    this.#failures = []
    this.#before = now
  }
}

interface Ends {
  readonly input: string
  readonly trials: Trials
}

type TrialContext = CommandContext & { readonly transports: Transports, release (): Promise<void> }

async function contextOf (file: InstanceFile, common: CommonOptions, options: TrialOptions, ends: Ends): Promise<TrialContext> {
  const log = quietLog()
  const transports = transportsWithoutSecrets()
  const functions: PlugInFunctions = new Map()
  await loadPlugIns(common.plugins, { ...transports, functions, log })
  const registry = decidable(openRegistry(options.registry ?? common.registry))
  const schemas = await openSchemas(schemaOptions(common, log))
  const known = new KnownNames(schemas)
  const fields = userFieldsIn(registry)
  const metrics = createMetrics(null)
  const state = openState(common.state, 'trial')
  const releases: Array<() => Promise<void> | void> = [() => { state.close() }]
  const ctx: TrialContext = {
    daemon: file.daemon,
    name: file.instance,
    log,
    metrics,
    stop: new AbortController().signal,
    schemas,
    registry,
    describe: schema => registry.find(schema),
    state,
    stateIfAny: state,
    ledger: { enter: () => {}, add: () => {} },
    lags: new Lags(metrics),
    save: async () => {},
    ready: () => {},
    progress: () => {},
    waiting: () => {},
    optOut: createOptOut({ users: { isEmpty: options.optedOut.length === 0, has: user => options.optedOut.includes(user) }, fields: () => fields, isKnown: schema => known.has(schema) }),
    deadLetters: { keepIn: () => {}, add: (_record, error) => { ends.trials.fail(messageOf(error)) }, drain: async () => {} },
    defer: (_what, release) => { releases.unshift(release) },
    onReload: () => {},
    openReader: async uri => await openInner('reader', uri, uri, ctx, transports, ends) as Reader,
    openWriter: async uri => await openInner('writer', uri, uri, ctx, transports, ends) as Writer,
    plugInFunction: name => functionIn(functions, name),
    transports,
    async release () { for (const release of releases.splice(0)) await release() }
  }
  return ctx
}

/** What wraps others is as it is; what is at the end is in memory. `outer` is the URI as the argument file has it. */
async function openInner (kind: 'reader' | 'writer', uri: string, outer: string, ctx: TrialContext, transports: Transports, ends: Ends): Promise<Reader | Writer> {
  const schemes = kind === 'reader' ? transports.readers : transports.writers
  if (schemes.check(uri).handler.wraps === true) {
    const open = async (inner: string): Promise<never> => await openInner(kind, inner, outer, ctx, transports, ends) as never
    return await schemes.open(uri, { ...ctx, openReader: open, openWriter: open })
  }
  if (kind === 'writer') {
    return { write: async batch => { ends.trials.write(outer, batch.lines()) }, flush: async () => {}, close: async () => {} }
  }
  const batches = outer === withoutName(ends.input) ? ends.trials.batches(ctx) : none()
  return { [Symbol.asyncIterator]: () => batches, commit: async () => {}, close: async () => {} }
}

async function * none (): AsyncGenerator<Batch> {}

/** What is sampled by the hash of an address cannot be told: the key is the processors' alone. It is taken to be kept. */
function decidable (registry: Registry): Registry {
  return {
    ...registry,
    find (schema, nowMs) {
      const entry = registry.find(schema, nowMs)
      return entry.sampling?.by === 'clientIp' ? { ...entry, sampling: null } : entry
    }
  }
}
