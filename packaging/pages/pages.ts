import { exitCodes } from '../../lib/errors.js'
import type { Program } from '../../lib/cli/main.js'
import { listCommands, optionsOf, type Listed } from '../listed.js'
import { nameSection, ofCommand, ofCommands } from './command-page.js'
import { argumentFilesPage } from './argument-files.js'
import { bold, entry, heading, italic, page, typed } from './roff.js'

/** What is the same on every page of a build. */
export interface Edition {
  readonly version: string
  /** YYYY-MM-DD. */
  readonly date: string
  /** Where docs/ is installed. */
  readonly documents: string
}

const manuals = { 1: 'vanadium', 5: 'vanadium: file formats', 8: 'vanadium: administration' } as const

/** Manual pages by file name, as `vanadium-tap.1`. */
export async function manualPages (vanadium: Program, vanadiumctl: Program, edition: Edition): Promise<Map<string, string>> {
  const [commands, control] = await Promise.all([listCommands(vanadium), listCommands(vanadiumctl)])
  const all = new Map<string, string>()
  const add = (name: string, section: keyof typeof manuals, lines: readonly string[]): void => {
    const others = [`${vanadium.name}(1)`, `${vanadiumctl.name}(8)`, 'vanadium.d(5)'].filter(other => other !== `${name}(${section})`)
    const text = page({ name, section, ...edition, manual: manuals[section] }, [...lines, ...seeAlso(others, edition)])
    all.set(`${name}.${section}`, text.replaceAll(/\bdocs\/(?=[a-z\\-]+\.md)/g, `${edition.documents}/`.replaceAll('-', '\\-')))
  }
  add(vanadium.name, 1, ofProgram(vanadium, commands))
  for (const listed of commands) add(`${vanadium.name}-${listed.name}`, 1, ofListed(vanadium.name, listed))
  add(vanadiumctl.name, 8, ofControl(vanadiumctl, control))
  add('vanadium.d', 5, argumentFilesPage(commands.filter(({ commands: [command] }) => command?.isDaemon === true).map(({ name }) => name)))
  return all
}

function ofProgram ({ name, summary }: Program, commands: readonly Listed[]): string[] {
  return [
    ...nameSection(name, { summary }),
    heading('synopsis'), `${bold(name)} ${italic('command')} [options] [${bold('@')}${italic('file')}...]`,
    heading('commands'), ...commands.flatMap(command => entry(`${bold(`${name}-${command.name}`)}(1)`, command.summary)),
    heading('arguments'),
    typed('An argument @path reads more arguments from that file, one a line; # starts a comment. vanadium.d(5) says more. Everything that a daemon reads or writes is a stream URI, scheme://host:port/path?option=value: docs/uris.md has all of them.'),
    ...exitStatus(false),
    heading('files'),
    ...entry('/etc/vanadium.d', 'Argument files: one an instance of a daemon.'),
    ...entry('/etc/vanadium/registry.yaml', 'What is known of schemas besides their shape.'),
    ...entry('/var/lib/vanadium', 'State: one SQLite file an instance, with its journals.'),
    ...entry('/var/log/vanadium', 'Event files, raw lines and dead letters.'),
    ...entry('/run/vanadium', 'The key that addresses are hashed with.')
  ]
}

function ofListed (program: string, listed: Listed): string[] {
  const [only] = listed.commands
  return [
    ...nameSection(`${program}-${listed.name}`, listed),
    ...listed.isGroup || only === undefined ? ofCommands(program, listed.commands) : ofCommand(program, only),
    ...exitStatus(listed.commands.every(({ failed }) => failed !== undefined)),
    ...files(listed)
  ]
}

function ofControl ({ name, summary }: Program, listed: readonly Listed[]): string[] {
  const commands = listed.flatMap(({ commands }) => commands)
  return [
    ...nameSection(name, { summary }),
    ...commands.length > 0 ? ofCommands(name, commands) : [heading('synopsis'), `${bold(name)} ${italic('command')}`],
    ...exitStatus(false),
    heading('files'), ...entry('/etc/vanadium.d', 'Argument files: one an instance of a daemon; see vanadium.d(5).')
  ]
}

/** Of plug-ins, which have codes of their own, their notes tell. */
function exitStatus (isPlugIn: boolean): string[] {
  if (isPlugIn) return []
  return [
    heading('exit status'),
    ...entry(bold(String(exitCodes.done)), 'Done, or stopped as asked.'),
    ...entry(bold(String(exitCodes.transport)), 'A transport failed for good; or a stop took too long.'),
    ...entry(bold(String(exitCodes.bug)), 'A bug; the log has its stack.'),
    ...entry(bold(String(exitCodes.config)), 'Wrong option, URI, format, credentials or state: the same again would not help.')
  ]
}

/** Paths that options have as their defaults. */
function files ({ commands }: Listed): string[] {
  const found = new Map<string, string>()
  for (const { name, default: value, description = '' } of commands.flatMap(command => [...optionsOf(command).own, ...optionsOf(command).common])) {
    const path = typeof value === 'string' && value.startsWith('/') ? value : /\[default: (?:the newest )?(\/[^\s,;\]]+)/.exec(description)?.[1]
    if (path !== undefined && !found.has(path)) found.set(path, `--${name}`)
  }
  return found.size === 0 ? [] : [heading('files'), ...[...found].flatMap(([path, option]) => entry(path, option))]
}

function seeAlso (others: readonly string[], { documents }: Edition): string[] {
  return [heading('see also'), `${others.map(other => bold(other.replace(/\(.*/, '')) + other.slice(other.indexOf('('))).join(', ')}; ${typed(`${documents}/operations.md`)}`]
}
