import { aliasesOf, optionsOf, takesValue, type NamedOption } from '../listed.js'
import type { Command } from '../../lib/cli/command.js'

/** What a value can be completed to. `-`: nothing; otherwise choices, with bars between them. */
export type Kind = 'file' | 'directory' | 'reader' | 'writer' | 'store' | 'schema' | 'state' | 'unit' | '-' | `${string}|${string}`

/** Options whose value is a file; of the others, their description tells. */
const files: readonly string[] = ['registry', 'optout', 'optout-key', 'address-key', 'defaults-file', 'key', 'verify', 'raw', 'records', 'backup']
const directories: readonly string[] = ['state', 'directory']

export function kindOf ({ name, choices, type, description = '' }: NamedOption): Kind {
  if (choices !== undefined) return choices.map(String).join('|') as Kind
  if (type === 'number') return '-'
  if (/stream URI/i.test(description)) return name === 'input' ? 'reader' : 'writer'
  if (/\b(mysql|sqlite):/.test(description) || name === 'replica') return 'store'
  if (directories.includes(name) || /^(schema )?director(y|ies)\b/i.test(description)) return 'directory'
  if (name === 'schema') return 'schema'
  if (name === 'instance') return 'state'
  if (files.includes(name) || /^(the |argument |JSON )?(files?|logs)\b/i.test(description)) return 'file'
  return '-'
}

/** What bash is told of a command's options: `--name=kind`, `--name=+kind` if several values may follow, `--name` without a value. */
export function wordsOf (command: Command): string {
  const { own, common } = optionsOf(command)
  const severalFollow = command.operands === undefined
  const words = [...own, ...common].flatMap(option => [`--${option.name}`, ...aliasesOf(option)].map(name =>
    takesValue(option) ? `${name}=${option.array === true && severalFollow ? '+' : ''}${kindOf(option)}` : name))
  return [...words, '--help', '--version'].join(' ')
}

/** What arguments without an option before them are. */
export function operandOf (command: Command): Kind {
  if (command.program === 'vanadiumctl') return command.operands === undefined ? '-' : 'unit'
  const option = optionsOf(command).own.find(({ name }) => name === command.operands?.option)
  return option === undefined ? '-' : kindOf(option)
}
