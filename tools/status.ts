import { setTimeout as sleep } from 'node:timers/promises'
import { defineCommand } from '../lib/cli/command.js'
import { ConfigError } from '../lib/errors.js'
import { statusOf } from './status/daemons.js'
import { statusText } from './status/report.js'

/** Of the exit: a daemon is down, or stuck. */
const someAreDown = 2

export const status = defineCommand({
  name: 'status',
  summary: 'Shows each daemon of this host: whether it runs or is stuck, its rate, how far it is behind, its memory and its last error.',
  examples: [
    ['vanadium status', 'exit 2 if a daemon is down that was here before'],
    ['vanadium status --watch 2', 'anew every two seconds'],
    ['vanadium status --json | jq \'.[] | select(.lag.records > 10000)\'', 'for a script']
  ],
  notes: 'Daemons are those that have a state. Lag is what a journaled input has and the daemon has not committed.\n' +
    'Exit codes besides the usual ones: 2, a daemon is down, or stuck: no sign of life for 30 s.\n\n',
  options: {
    watch: { type: 'number', requiresArg: true, description: 'Seconds after which it is shown again, until Ctrl-C [default: once]' },
    json: { type: 'boolean', default: false, description: 'As JSON, one array' }
  },
  defaults: { 'log-level': 'warn' },
  prepare ({ watch, json }, _transports, { state }) {
    if (watch !== undefined && !(watch >= 0.5)) throw new ConfigError('bad-option', `--watch ${watch}: give seconds, at least 0.5`)

    return async ({ stop }) => {
      for (;;) {
        const daemons = statusOf(state)
        const text = json ? `${JSON.stringify(daemons)}\n` : statusText(daemons, Date.now())
        // home, and what was below
        process.stdout.write(watch !== undefined && process.stdout.isTTY ? `\x1b[H\x1b[J${text}` : text)
        process.exitCode = daemons.some(({ up, stuckMs }) => !up || stuckMs !== null) ? someAreDown : 0
        if (watch === undefined || stop.aborted) return
        await sleep(watch * 1000, undefined, { signal: stop }).catch(() => {})
        if (stop.aborted) return
      }
    }
  }
})
