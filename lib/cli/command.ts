import type { InferredOptionTypes, Options } from 'yargs'
import type { Fields } from '../log.js'
import type { Registry } from '../registry/registry.js'
import type { Context, Reader, Writer } from '../stream/contracts.js'
import type { DeadLetterBox } from '../stream/dead-letters.js'
import type { Schemes } from '../stream/schemes.js'
import type { CommonOptions } from './options.js'

/** The schemes that a process knows, plug-ins included. */
export interface Transports {
  readonly readers: Schemes<Reader>
  readonly writers: Schemes<Writer>
}

/** What arguments without an option before them mean: that of one option that takes several. */
export interface Operands {
  /** One of the command's own, an array. */
  readonly option: string
  /** How the help writes them: `NAME…`. */
  readonly usage: string
}

/** What a command takes. */
export interface CommandLine<O extends Record<string, Options> = Record<string, Options>> {
  readonly name: string
  /** The executable that it is a command of, if not `vanadium`. */
  readonly program?: string
  /** One line for the list of commands. */
  readonly summary: string
  /** Command lines, each with what it does. */
  readonly examples: ReadonlyArray<readonly [command: string, does: string]>
  /** What the help says at its end, with its own newline. */
  readonly notes?: string
  /** Options besides the common ones. */
  readonly options: O
  /** Arguments without an option before them. Without this there must be none. */
  readonly operands?: Operands
  /** Defaults that are other than the options say. */
  readonly defaults?: Partial<CommonOptions> & Readonly<Record<string, unknown>>
  /** Options, with their dashes, whose value may begin with `@` and names no argument file then. */
  readonly verbatim?: readonly string[]
  /** It runs until it is stopped. */
  readonly isDaemon?: boolean
  /** It reads the registry itself, also one with mistakes: what is wrong with it does not keep the command from its work. */
  readonly readsRegistry?: boolean
  /** It neither opens streams nor looks at schemas: none are loaded, so it starts in half the time, and its help is without their options. */
  readonly light?: boolean
}

/** A daemon or a one-shot tool: one file under `daemons` or `tools`. */
export interface Command<O extends Record<string, Options> = Record<string, Options>> extends CommandLine<O> {
  /** The common options as they are in force: for a command that takes some of them from elsewhere. Throws `ConfigError`. */
  adopt? (options: InferredOptionTypes<O>, common: CommonOptions): CommonOptions
  /**
   * Everything that can be wrong with the options and can be known without opening anything; throws `ConfigError`. Returns
   * what runs them. `--config-check` ends before that.
   */
  prepare (options: InferredOptionTypes<O>, transports: Transports, common: CommonOptions): Run
  /** Tells what went wrong, in place of the log; returns the exit code. For whoever is read by a program. */
  failed? (error: unknown): number
}

/** Commands under one name: `vanadium journal ls`. Their own names have it before theirs. */
export interface CommandGroup {
  readonly name: string
  readonly summary: string
  readonly commands: readonly Command[]
  /** Exit code when none of them is named, or one that there is not, if other than usual: whoever is read by a program has done nothing. */
  readonly nothingDone?: number
}

/** Resolves when the work is done, or when it has ended after `ctx.stop`. */
export type Run = (ctx: CommandContext) => Promise<void>

/** The context of transports, and what only the command itself uses. */
export interface CommandContext extends Context {
  readonly deadLetters: DeadLetterBox
  /** As it was read last: when it was asked for first, or at a reload. Throws `ConfigError`. */
  readonly registry: Registry
  /** All that is needed is open, or being waited for: logged as 'ready' with these fields, and told to systemd. */
  ready (fields: Fields): void
}

/** For its type alone: the types in `prepare` follow from the declared options. */
export function defineCommand<O extends Record<string, Options>> (command: Command<O>): Command<O> {
  return command
}
