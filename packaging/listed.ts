import type { Options } from 'yargs'
import type { Command } from '../lib/cli/command.js'
import type { Program } from '../lib/cli/main.js'
import { shownCommonOptions } from '../lib/cli/options.js'

/** A command of a program, or several under one name. */
export interface Listed {
  readonly name: string
  readonly summary: string
  readonly isGroup: boolean
  /** Itself, or those under its name. */
  readonly commands: readonly Command[]
}

/** All commands of a program, loaded, in the order of its help. */
export async function listCommands (program: Program): Promise<Listed[]> {
  return await Promise.all(Object.values(program.commands).map(async load => {
    const found = await load()
    return 'commands' in found ? { ...found, isGroup: true } : { name: found.name, summary: found.summary, isGroup: false, commands: [found] }
  }))
}

export interface NamedOption extends Options {
  readonly name: string
}

/** A command's own options, and the common ones that mean something to it, with the defaults that hold for it. */
export function optionsOf (command: Command): { own: NamedOption[], common: NamedOption[] } {
  const named = (options: Record<string, Options>): NamedOption[] => Object.entries(options)
    .map(([name, option]) => ({ ...option, name, default: (command.defaults?.[name] ?? option.default) as unknown }))
  return { own: named(command.options), common: named(shownCommonOptions(command)) }
}

export function takesValue ({ type, count }: Options): boolean {
  return type !== 'boolean' && count !== true
}

/** `-n` beside `--lines`. */
export function aliasesOf ({ alias }: Options): string[] {
  return alias === undefined ? [] : [alias].flat().map(name => `${name.length === 1 ? '-' : '--'}${name}`)
}
