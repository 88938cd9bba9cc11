import { exitCodes } from '../errors.js'
import type { Command, CommandGroup } from './command.js'
import { runCommand } from './run.js'
import { version } from '../version.js'

/** An executable with its commands. */
export interface Program {
  /** As it is called. */
  readonly name: string
  /** One line. */
  readonly summary: string
  /** By name, in the order of the help; loaded when one is called. */
  readonly commands: Readonly<Record<string, () => Promise<Command | CommandGroup>>>
}

/** Runs the command that the arguments name; resolves with the exit code. */
export async function main (program: Program, [name = '--help', ...args]: readonly string[]): Promise<number> {
  const load = Object.hasOwn(program.commands, name) ? program.commands[name] : undefined
  if (load !== undefined) return await runOf(program, await load(), args)
  if (name === '--version' || name === '-V') return print(version())
  if (name === '--help' || name === '-h' || name === 'help') return print(await help(program))
  process.stderr.write(`${program.name}: there is no command "${name}"; there are ${Object.keys(program.commands).join(', ')}\n`)
  return exitCodes.config
}

async function runOf (program: Program, found: Command | CommandGroup, args: readonly string[]): Promise<number> {
  if (!('commands' in found)) return await runCommand(found, args)
  const [name = '', ...rest] = args
  const command = found.commands.find(command => command.name === `${found.name} ${name}`)
  if (command !== undefined) return await runCommand(command, rest)
  if (name === '--help' || name === '-h' || name === 'help') return print(groupHelp(program, found))
  if (name === '') {
    print(groupHelp(program, found))
    return found.nothingDone ?? exitCodes.done
  }
  const names = found.commands.map(command => command.name.slice(found.name.length + 1))
  process.stderr.write(`${program.name}: there is no command "${found.name} ${name}"; there are ${names.join(', ')}\n`)
  return found.nothingDone ?? exitCodes.config
}

function groupHelp (program: Program, { name, summary, commands }: CommandGroup): string {
  return [
    `${program.name} ${name}: ${summary}`,
    '', `Usage: ${program.name} ${name} <command> [options] [@file…]`, '', ...commands.map(command => `  ${command.name.slice(name.length + 1).padEnd(11)}${command.summary}`),
    '', `${program.name} ${name} <command> --help lists its options, with examples.`
  ].join('\n')
}

function print (text: string): number {
  process.stdout.write(`${text}\n`)
  return exitCodes.done
}

async function help ({ name: program, summary, commands }: Program): Promise<string> {
  const lines = await Promise.all(Object.values(commands).map(async load => {
    const { name, summary } = await load()
    return `  ${name.padEnd(11)}${summary}`
  }))
  return [
    `${program}: ${summary}`,
    '', `Usage: ${program} <command> [options] [@file…]`, '', ...lines,
    '', `${program} <command> --help lists its options, with examples. ${program} --version tells the version.`,
    'Exit codes: 0 done, 1 transport failed (restart), 70 bug, 78 bad configuration.'
  ].join('\n')
}
