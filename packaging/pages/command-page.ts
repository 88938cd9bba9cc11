import type { Command } from '../../lib/cli/command.js'
import { aliasesOf, optionsOf, takesValue, type Listed, type NamedOption } from '../listed.js'
import { bold, entry, heading, italic, notes, plain, section, typed, verbatim } from './roff.js'

/** Lines of a page about one command, from its synopsis to its examples. */
export function ofCommand (program: string, command: Command): string[] {
  const { own, common } = optionsOf(command)
  return [
    heading('synopsis'), ...synopsis(program, command),
    heading('description'), typed(command.summary), ...notes(command.notes ?? ''),
    ...own.length === 0 ? [] : [heading('options'), ...own.flatMap(ofOption)],
    heading('common options'), ...common.flatMap(ofOption), ...helpOptions,
    heading('examples'), ...examples(command)
  ]
}

/** The same about several; what they have in common is said once. */
export function ofCommands (program: string, commands: readonly Command[]): string[] {
  const common = new Map<string, NamedOption>()
  for (const command of commands) for (const option of optionsOf(command).common) if (!common.has(option.name)) common.set(option.name, option)
  return [
    heading('synopsis'), ...commands.flatMap((command, at) => [...at === 0 ? [] : ['.br'], ...synopsis(program, command)]),
    heading('commands'), ...commands.flatMap(command => ofOneOfThem(program, command, common)),
    heading('common options'), ...[...common.values()].flatMap(ofOption), ...helpOptions
  ]
}

function ofOneOfThem (program: string, command: Command, shared: ReadonlyMap<string, NamedOption>): string[] {
  const { own, common } = optionsOf(command)
  const taken = common.map(({ name, default: value }) => `--${name}${value === shared.get(name)?.default ? '' : ` (${String(value)})`}`)
  return [
    section(`${program} ${command.name}`), typed(command.summary), ...notes(command.notes ?? ''),
    ...own.flatMap(ofOption),
    '.PP', `Common options: ${typed(taken.join(', '))}.`,
    ...examples(command)
  ]
}

function synopsis (program: string, { name, operands }: Command): string[] {
  return [`${bold(`${program} ${name}`)}${operands === undefined ? '' : ` ${plain(operands.usage)}`} [options] [${bold('@')}${italic('file')}...]`]
}

function ofOption (option: NamedOption): string[] {
  const { name, choices, array, type, description = '', default: value, demandOption } = option
  const values = choices?.map(String).join('|') ?? (type === 'number' ? 'N' : 'VALUE')
  const argument = takesValue(option) ? ` ${italic(`${values}${array === true ? '...' : ''}`)}` : ''
  const term = [...aliasesOf(option), `--${name}`].map(bold).join(', ') + argument
  return entry(term, [sentence(description), demandOption === true ? 'Required.' : '', defaultOf(value)].filter(part => part !== '').join(' '))
}

function sentence (text: string): string {
  return /[.\]]$/.test(text) ? text : `${text}.`
}

function defaultOf (value: unknown): string {
  if (value === undefined || value === false || value === '' || (Array.isArray(value) && value.length === 0)) return ''
  return `Default: ${Array.isArray(value) ? value.join(' ') : String(value)}`
}

const helpOptions = [
  ...entry(`${bold('-h')}, ${bold('--help')}`, 'Print the help, and exit.'),
  ...entry(`${bold('-V')}, ${bold('--version')}`, 'Print the version, and exit.')
]

function examples ({ examples }: Command): string[] {
  return examples.flatMap(([line, does]) => ['.PP', `${typed(does)}:`, ...verbatim([line])])
}

/** `journal - looks into …`: one line, which whatis reads. */
export function nameSection (name: string, { summary }: Pick<Listed, 'summary'>): string[] {
  const text = summary.replace(/\.$/, '')
  return [heading('name'), `${typed(name)} \\- ${plain(`${text.charAt(0).toLowerCase()}${text.slice(1)}`)}`]
}
