import type { InferredOptionTypes, Options } from 'yargs'
import { defineCommand, type Command, type CommandContext, type CommandLine, type Transports } from '../../lib/cli/command.js'
import type { CommonOptions } from '../../lib/cli/options.js'
import { ConfigError, messageOf } from '../../lib/errors.js'
import type { Registry } from '../../lib/registry/registry.js'
import { parseRange, type Range } from './range.js'
import { resultText, states, type Result } from './result.js'

/** Options of every check. */
const checkOptions = {
  warning: { alias: 'w', type: 'string', requiresArg: true, description: 'Range that is worth a warning' },
  critical: { alias: 'c', type: 'string', requiresArg: true, description: 'Range that is worth an alarm' },
  timeout: { alias: 't', type: 'number', default: 10, requiresArg: true, description: 'Seconds after which the check gives up: UNKNOWN' },
  verbose: { alias: 'v', type: 'boolean', default: false, description: 'More lines: what was looked at' }
} as const satisfies Record<string, Options>

/** What every check is given besides its own options. */
export interface CheckContext {
  readonly warning: Range | undefined
  readonly critical: Range | undefined
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
  /** What can be known to be wrong without opening anything throws `ConfigError`; returns the check itself. */
  prepare (options: InferredOptionTypes<O>, common: CommonOptions, transports: Transports): (ctx: CheckContext) => Promise<Result>
}

/**
 * A monitoring plug-in (https://www.monitoring-plugins.org/doc/guidelines.html): exits with 0 to 3, prints a line of less than 80
 * characters first, and performance data. Whatever goes wrong is UNKNOWN, in a line, never a stack trace.
 */
export function defineCheck<O extends Record<string, Options>> (check: Check<O>): Command<O & typeof checkOptions> {
  return defineCommand({
    ...check,
    name: `check ${check.name}`,
    options: { ...check.options, ...checkOptions },
    defaults: { 'log-level': 'error', ...check.ranges, ...check.defaults },
    notes: `${check.notes ?? ''}Ranges: 10 alerts outside 0 to 10, 10: below 10, ~:10 above 10, 10:20 outside, @10:20 inside.\n` +
      'Exit codes: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.\n\n',
    failed (error) {
      process.stdout.write(resultText({ state: 'unknown', summary: messageOf(error) }))
      return states.unknown
    },
    prepare (options, transports, common) {
      const { warning, critical, timeout, verbose } = options as InferredOptionTypes<typeof checkOptions>
      if (!(timeout > 0 && timeout <= 3600)) throw new ConfigError('bad-option', `--timeout ${timeout}: give seconds, more than 0 and at most 3600`)
      const given = { warning: rangeOf('--warning', warning), critical: rangeOf('--critical', critical) }
      const run = check.prepare(options, common, transports)

      return async command => {
        const timer = new AbortController()
        const late = setTimeout(() => { timer.abort() }, timeout * 1000)
        try {
          const ctx: CheckContext = { ...given, timeoutMs: timeout * 1000, verbose, registry: command.registry, stateDirectory: common.state, stop: AbortSignal.any([command.stop, timer.signal]), command }
          const result = await Promise.race([run(ctx), untilAborted(ctx.stop, timeout)])
          process.stdout.write(resultText(result))
          process.exitCode = states[result.state]
        } finally {
          clearTimeout(late)
        }
      }
    }
  })
}

function rangeOf (option: string, text: string | undefined): Range | undefined {
  return text === undefined ? undefined : parseRange(option, text)
}

async function untilAborted (stop: AbortSignal, seconds: number): Promise<Result> {
  await new Promise<void>(resolve => { stop.addEventListener('abort', () => { resolve() }) })
  return { state: 'unknown', summary: `gave up after ${seconds} s` }
}
