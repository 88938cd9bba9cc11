import { defineCommand } from '../../lib/cli/command.js'
import { ConfigError, StreamError } from '../../lib/errors.js'
import { logLevels } from '../../lib/log.js'
import { render, type Line, type Style } from '../terminal/text.js'
import { chosenOf, lookAtHost, ofUnits, unitOptions } from './host.js'
import { parseJournalLine, type JournalLine } from './journal-line.js'
import { followJournal } from './systemd.js'
import { parseUnit } from './units.js'

export const tail = defineCommand({
  ...ofUnits,
  name: 'tail',
  summary: 'Shows what instances log, as it comes, for people; in a pipe, as the JSON lines that they wrote.',
  examples: [
    ['vanadiumctl tail', 'all, the last ten lines first, until Ctrl-C'],
    ['vanadiumctl tail consumers --level warn', 'only what is worth a look'],
    ['vanadiumctl tail mysql --lines 200 --follow=false | jq .message', 'what it said last, for a program']
  ],
  notes: 'systemd\'s own words about a unit are shown too, but not in a pipe. To read the journal: root, or the group systemd-journal.\n\n',
  options: {
    ...unitOptions,
    lines: { type: 'number', default: 10, requiresArg: true, description: 'How many lines that are there already are looked at first' },
    follow: { type: 'boolean', default: true, description: 'Go on with what comes, until Ctrl-C' },
    level: { choices: logLevels, default: 'debug' as const, requiresArg: true, description: 'Least level that is shown, of what is logged' }
  },
  prepare ({ unit, config, lines, follow, level: least }) {
    if (!Number.isInteger(lines) || lines < 0) throw new ConfigError('bad-option', `--lines ${lines}: give a whole number, at least 0`)

    return async ({ stop }) => {
      const units = chosenOf(unit, await lookAtHost(config))
      const isForPeople = process.stdout.isTTY
      const width = Math.max(0, ...units.map(({ name }) => name.length))
      const args = ['--output=json', `--lines=${lines}`, ...follow ? ['--follow'] : [], ...units.map(({ unit }) => `--unit=${unit}`)]
      const code = await followJournal(args, text => {
        const line = parseJournalLine(text)
        if (line === null || logLevels.findIndex(level => level === line.level) > logLevels.indexOf(least)) return
        if (isForPeople) process.stdout.write(`${render(lineFor(line, width), Infinity, process.stdout.hasColors())}\n`)
        else if (line.written !== null) process.stdout.write(`${line.written}\n`)
      }, stop)
      if (code !== 0 && !stop.aborted) throw new StreamError('cannot-read', `journalctl ended with exit code ${code}`)
    }
  }
})

const styles: Readonly<Record<string, Style>> = { error: 'red', warn: 'yellow', debug: 'dim' }

/** `09:30:01  consumer/mysql  warn  message  field=value` */
export function lineFor ({ atMs, unit, level, message, fields }: JournalLine, width: number): Line {
  const name = parseUnit(unit)?.name ?? unit
  const more = Object.entries(fields).map(([field, value]) => `${field}=${typeof value === 'string' ? value : JSON.stringify(value)}`).join(' ')
  return [
    [`${timeOf(atMs)}  `, 'dim'],
    [`${name.padEnd(width)}  `, 'cyan'],
    [`${level.padEnd(5)}  `, styles[level] ?? 'plain'],
    [message, level === 'error' ? 'bold' : 'plain'],
    [more === '' ? '' : `  ${more}`, 'dim']
  ]
}

/** Of the clock on the wall. */
function timeOf (atMs: number): string {
  const time = new Date(atMs)
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map(part => String(part).padStart(2, '0')).join(':')
}
