import { setTimeout as sleep } from 'node:timers/promises'
import { defineCommand } from '../../lib/cli/command.js'
import { ConfigError } from '../../lib/errors.js'
import { harmless } from '../terminal/text.js'
import { bytesText, durationText, numberText, tableText } from '../text.js'
import { chosenOf, lookAtHost, ofUnits, unitOptions } from './host.js'
import { notWell } from './outcome.js'
import { rowsOf, type Row } from './rows.js'

export const status = defineCommand({
  ...ofUnits,
  name: 'status',
  summary: 'Shows each instance: its state, since when, rate, lag, memory, restarts, last error; and what is wrong, with file and line.',
  examples: [
    ['vanadiumctl status', 'exit 2 if something is not well'],
    ['vanadiumctl status consumers --watch 2', 'those, anew every two seconds'],
    ['vanadiumctl status --json | jq \'.[] | select(.isWell | not)\'', 'for a script']
  ],
  notes: 'What runs is what systemd says, together with what vanadium check jobs says of it: the two agree. Restarts are those since it was started by\n' +
    'hand. Rates and lags: root, or the group of the daemons. Exit codes besides the usual ones: 2 an instance does not run, hangs, dies again and\n' +
    'again, or has lost its argument file.\n\n',
  options: {
    ...unitOptions,
    watch: { type: 'number', requiresArg: true, description: 'Seconds after which it is shown again, until Ctrl-C [default: once]' },
    json: { type: 'boolean', default: false, description: 'As JSON, one array' }
  },
  prepare ({ unit, config, watch, json }, _transports, { state }) {
    if (watch !== undefined && !(watch >= 0.5)) throw new ConfigError('bad-option', `--watch ${watch}: give seconds, at least 0.5`)

    return async ({ stop }) => {
      for (;;) {
        const host = await lookAtHost(config)
        const rows = await rowsOf(chosenOf(unit, host), host, state)
        const text = json ? `${JSON.stringify(rows)}\n` : statusText(rows, Date.now())
        // home, and what was below
        process.stdout.write(watch !== undefined && process.stdout.isTTY ? `\x1b[H\x1b[J${text}` : text)
        process.exitCode = rows.every(({ isWell }) => isWell) ? 0 : notWell
        if (watch === undefined || stop.aborted) return
        await sleep(watch * 1000, undefined, { signal: stop }).catch(() => {})
        if (stop.aborted) return
      }
    }
  }
})

const header = ['instance', 'state', 'since', 'records/s', 'lag', 'lag time', 'memory', 'restarts', 'last error']
const right = ['since', 'records/s', 'lag', 'lag time', 'memory', 'restarts']

/** A table, and below it what is wrong. */
export function statusText (rows: readonly Row[], nowMs: number): string {
  const why = rows.flatMap(({ name, why }) => why.map(text => `${name}: ${harmless(text)}\n`))
  const wrong = rows.filter(({ isWell }) => !isWell).length
  const end = wrong === 0 ? `all ${rows.length} are well` : `${wrong} of ${rows.length} not well: ${rows.filter(({ isWell }) => !isWell).map(({ name }) => name).join(', ')}`
  return `${tableText(header, rows.map(row => cellsOf(row, nowMs)), right)}\n${why.join('')}${end}\n`
}

function cellsOf ({ name, state, sinceMs, rate, lag, memoryBytes, restarts, lastError }: Row, nowMs: number): string[] {
  return [
    name,
    state,
    sinceMs === null ? '' : durationText(sinceMs),
    rate === null ? '' : numberText(Math.round(rate)),
    lag === null ? '' : numberText(lag.records),
    lag === null ? '' : durationText(lag.seconds * 1000),
    memoryBytes === null ? '' : bytesText(memoryBytes),
    restarts === 0 ? '' : numberText(restarts),
    lastError === null ? '' : harmless(`${durationText(nowMs - lastError.atMs)} ago: ${lastError.message}`)
  ]
}
