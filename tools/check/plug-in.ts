import type { InferredOptionTypes, Options } from 'yargs'
import { defineCommand, type Command, type CommandContext, type CommandLine, type Transports } from '../../lib/cli/command.js'
import type { CommonOptions } from '../../lib/cli/options.js'
import { ConfigError, messageOf, VanadiumError } from '../../lib/errors.js'
import type { Registry } from '../../lib/registry/registry.js'
import { parseRange, type Range } from './range.js'
import { resultText, states, type Result } from './result.js'

/** Options of every check. */
const checkOptions = {
  warning: { alias: 'w', type: 'string', requiresArg: true, description: 'Range that is worth a warning' },
  critical: { alias: 'c', type: 'string', requiresArg: true, description: 'Range that is worth an alarm' },
  timeout: { alias: 't', type: 'number', default: 10, requiresArg: true, description: 'Seconds after which the check gives up: UNKNOWN' },
  // a count, because callers may write -vvv
  verbose: { alias: 'v', count: true, description: 'More lines: what was looked at' }
} as const satisfies Record<string, Options>

interface Ranges {
  readonly warning: Range | undefined
  readonly critical: Range | undefined
}

/** What every check is given besides its own options. */
export interface CheckContext extends Ranges {
  /** For what is waited for: less than the time that the check has, so that it can say what it waited for. */
  readonly timeoutMs: number
  readonly verbose: boolean
  readonly registry: Registry
  /** Directory of the states of this host's daemons. */
  readonly stateDirectory: string
  /** Aborted when the time is over. */
  readonly stop: AbortSignal
  readonly command: CommandContext
}

export interface Check<O extends Record<string, Options>> extends CommandLine<O> {
  /** Ranges unless `-w` and `-c` say otherwise. */
  readonly ranges?: { readonly warning?: string, readonly critical?: string }
  /** How `-w` and `-c` are read, if not as ranges. Throws `ConfigError` that names the option. */
  readRange? (option: string, text: string, options: InferredOptionTypes<O>): Range
  /** What can be known to be wrong without opening anything throws `ConfigError`; returns the check itself. */
  prepare (options: InferredOptionTypes<O>, common: CommonOptions, ranges: Ranges, transports: Transports): (ctx: CheckContext) => Promise<Result>
}

/**
 * A monitoring plug-in (https://www.monitoring-plugins.org/doc/guidelines.html): exits with 0 to 3, prints a line of less than 80
 * characters first, and performance data. Whatever goes wrong is UNKNOWN, in a line, never a stack trace.
 */
export function defineCheck<O extends Record<string, Options>> (check: Check<O>): Command<O & typeof checkOptions> {
  return defineCommand({
    light: true,
    ...check,
    name: `check ${check.name}`,
    options: { ...check.options, ...checkOptions },
    verbatim: ['-w', '--warning', '-c', '--critical'],
    defaults: { 'log-level': 'error', ...check.ranges, ...check.defaults },
    notes: `${check.notes ?? ''}Ranges: 10 alerts outside 0 to 10, 10: below 10, ~:10 above 10, 10:20 outside, @10:20 inside.\n` +
      'Exit codes: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.\n\n',
    failed (error) {
      const isBug = !(error instanceof VanadiumError)
      process.stdout.write(resultText({ state: 'unknown', summary: `${isBug ? 'bug: ' : ''}${messageOf(error)}` }))
      return states.unknown
    },
    prepare (options, transports, common) {
      const { warning, critical, timeout, verbose } = options as InferredOptionTypes<typeof checkOptions>
      if (!(timeout > 0 && timeout <= 3600)) throw new ConfigError('bad-option', `--timeout ${timeout}: give seconds, more than 0 and at most 3600`)
      const range = (option: string, text: string | undefined): Range | undefined =>
        text === undefined ? undefined : check.readRange?.(option, text, options) ?? parseRange(option, text)
      const given = { warning: range('--warning', warning), critical: range('--critical', critical) }
      const run = check.prepare(options, common, given, transports)

      return async command => {
        const timer = new AbortController()
        const late = setTimeout(() => { timer.abort() }, timeout * 1000)
        try {
          const ctx: CheckContext = { ...given, timeoutMs: timeout * 1000 * shareToWait, verbose: verbose > 0, registry: command.registry, stateDirectory: common.state, stop: AbortSignal.any([command.stop, timer.signal]), command }
          const result = await Promise.race([run(ctx), untilAborted(command.stop, 'stopped before there was a result'), untilAborted(timer.signal, `gave up after ${timeout} s`)])
          process.stdout.write(resultText(result))
          process.exitCode = states[result.state]
        } finally {
          clearTimeout(late)
          // what the check has left open does not hold up its answer
          setTimeout(() => { process.exit() }, mostMsToEnd).unref()
        }
      }
    }
  })
}

/** Of the timeout. */
const shareToWait = 0.9
const mostMsToEnd = 500

async function untilAborted (signal: AbortSignal, summary: string): Promise<Result> {
  await new Promise<void>(resolve => { signal.addEventListener('abort', () => { resolve() }, { once: true }) })
  return { state: 'unknown', summary }
}
