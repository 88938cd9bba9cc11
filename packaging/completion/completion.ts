import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Program } from '../../lib/cli/main.js'
import { listCommands } from '../listed.js'
import { operandOf, wordsOf } from './kinds.js'

/** Where bash looks for what can be completed. */
export interface Places {
  /** Schemas that come with vanadium. */
  readonly schemas: string
  /** Argument files, and states. */
  readonly config: string
  readonly state: string
}

export interface SchemeNames {
  readonly readers: readonly string[]
  readonly writers: readonly string[]
}

/** Beside the source of this file, which runs in dist/. */
const engine = readFileSync(join(import.meta.dirname, '..', '..', '..', 'packaging', 'completion', 'engine.bash'), 'utf8')

/** A bash script that completes the command lines of a program. It needs nothing but bash 4, and starts nothing. */
export async function bashCompletion (program: Program, { readers, writers }: SchemeNames, { schemas, config, state }: Places): Promise<string> {
  const listed = await listCommands(program)
  const groups = listed.filter(({ isGroup }) => isGroup)
  const short = (name: string): string => name.slice(name.indexOf(' ') + 1)
  return [
    `# bash completion for ${program.name}; generated from the commands by packaging/completion`,
    '',
    `_${program.name}_commands='${listed.map(({ name }) => name).join(' ')}'`,
    '',
    '# of a command: those under its name, its options with the kinds of their values, the kind of other arguments',
    `_${program.name}_of () {`,
    "  subcommands='' options='' operand='-'",
    '  case $1 in',
    ...groups.map(({ name, commands }) => `    '${name}') subcommands='${commands.map(command => short(command.name)).join(' ')}' options='--help' ;;`),
    ...listed.flatMap(({ commands }) => commands).map(command => `    '${command.name}') options='${wordsOf(command)}' operand='${operandOf(command)}' ;;`),
    '    *) ;;',
    '  esac',
    '}',
    '',
    `_${program.name}_daemons='${listed.filter(({ commands: [command] }) => command?.isDaemon === true).map(({ name }) => name).join(' ')}'`,
    `_${program.name}_readers='${readers.map(schemeStart).join(' ')}'`,
    `_${program.name}_writers='${writers.map(schemeStart).join(' ')}'`,
    '',
    engine.replace(/^#.*\n\n/, '').replaceAll('PROGRAM', program.name).replaceAll('SCHEMAS', schemas).replaceAll('CONFIG', config).replaceAll('STATE', state)
  ].join('\n')
}

/** `map:` and `filter:` go on with another URI. */
function schemeStart (scheme: string): string {
  return ['map', 'filter', 'opt-out'].includes(scheme) ? `${scheme}:` : `${scheme}://`
}
