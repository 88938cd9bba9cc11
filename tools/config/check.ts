import { defineCommand } from '../../lib/cli/command.js'
import { ConfigError, exitCodes } from '../../lib/errors.js'
import { defaultBackupFile } from '../../lib/backup/configuration.js'
import { configOption } from '../check/leftovers.js'
import { numberText } from '../text.js'
import { problemText, type Problem } from './problem.js'
import { filesIn, problemsOfFiles } from './problems.js'

export const checkCommand = defineCommand({
  name: 'config check',
  summary: 'Says all that is wrong with argument files, alone and together, each with file and line; with --all, with everything that they lead to.',
  examples: [
    ['vanadium config check', 'the argument files under /etc/vanadium.d: options, URIs, formats, plug-ins, and what does not fit together'],
    ['vanadium config check --all', 'also the registry, schemas, the list of users who opted out, credentials, and what is backed up'],
    ['vanadium config check --all draft/processors/client-side', 'a file that is not installed yet; its folder says which daemon it is for']
  ],
  notes: 'A line each: FILE:LINE: what came, what is allowed. Together: two that take one port or file, journals or subscribers of one name, a\n' +
    'subscriber of what nobody publishes, a name in subscribers= that nobody has. What may be so on purpose is a warning. Nothing is opened\n' +
    'or sent, but plug-ins are loaded. Files that are named are looked at without those beside them: what these\n' +
    'may have is not missed. A file with a secret that this user may not read is not looked at, which is a warning. Exit codes: 0 good, also with warnings;\n' +
    '78 there are mistakes.\n\n',
  light: true,
  readsRegistry: true,
  options: {
    file: { type: 'string', array: true, default: [] as string[], requiresArg: true, description: 'Argument files, each in a folder that is called as those of --config [default: all of --config]; "--file" before it can be left out' },
    config: configOption,
    all: { type: 'boolean', default: false, description: 'Also what they lead to: registry, schemas, opt-out, credentials; and, unless files are named, what is backed up' },
    backup: { type: 'string', requiresArg: true, description: 'With --all: the file that says what is backed up, and where to [default: /etc/vanadium/backup.yaml, if it is there]' },
    log: { type: 'boolean', default: false, description: 'As lines of a log, as daemons write theirs, and nothing if all is good: for systemd, before a daemon starts' },
    json: { type: 'boolean', default: false, description: 'As JSON, one array of file, line, severity, message' }
  },
  operands: { option: 'file', usage: '[FILE…]' },
  defaults: { 'log-level': 'warn' },
  prepare ({ file, config, all, backup, log: isLog, json }) {
    if (isLog && json) throw new ConfigError('bad-option', '--log and --json: give one of them')

    return async ({ log }) => {
      const files = file.length > 0 ? file : filesIn(config)
      const problems = await problemsOfFiles(files, {
        all,
        isWhole: file.length === 0,
        ...all && file.length === 0 ? { backup: { file: backup ?? defaultBackupFile, isNamed: backup !== undefined } } : {}
      })
      if (isLog) for (const problem of problems) log[levels[problem.severity]](problemText(problem))
      else if (json) process.stdout.write(`${JSON.stringify(problems)}\n`)
      else process.stdout.write(`${[...problems.map(problemText), summaryOf(problems, files.length)].join('\n')}\n`)
      if (problems.some(({ severity }) => severity === 'error')) process.exitCode = exitCodes.config
    }
  }
})

const levels = { error: 'error', warning: 'warn' } as const

/** What was read, so that nobody takes a file for checked that was not. */
function summaryOf (problems: readonly Problem[], files: number): string {
  const errors = problems.filter(({ severity }) => severity === 'error').length
  const warnings = problems.length - errors
  const found = [...errors === 0 ? [] : [counted(errors, 'mistake')], ...warnings === 0 ? [] : [counted(warnings, 'warning')]]
  return `${errors === 0 ? ['good', ...found].join(', ') : found.join(', ')}; ${counted(files, 'argument file')}`
}

function counted (number: number, what: string): string {
  return `${numberText(number)} ${what}${number === 1 ? '' : 's'}`
}
