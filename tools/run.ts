import { resolve } from 'node:path'
import { defineCommand } from '../lib/cli/command.js'
import { commonOptions, type CommonOptions } from '../lib/cli/options.js'
import { ConfigError } from '../lib/errors.js'
import { runPipeline } from './run/session.js'

/** More than one connection can send, one event after the other. */
const mostRate = 500

export const run = defineCommand({
  name: 'run',
  summary: 'Runs the whole pipeline here, without root or a server, feeds it sample events, and shows what becomes of them.',
  examples: [
    ['vanadium run', 'until Ctrl-C'],
    ['vanadium run --rate 0', 'no events but those that you send'],
    ['vanadium run --schemas ./my-schemas', 'with sample events of your own schemas, too'],
    ['vanadium run --seconds 30 --directory "$(mktemp -d)"', 'for a script']
  ],
  options: {
    directory: { type: 'string', default: 'var', requiresArg: true, description: 'Where events, logs, state and argument files go; what is there is kept' },
    rate: { type: 'number', default: 8, requiresArg: true, description: `Sample events a second, 0 to ${mostRate}; about one in twenty is invalid` },
    seconds: { type: 'number', requiresArg: true, description: 'Stop by itself after running that long [default: run until stopped]' }
  },
  defaults: { 'log-level': 'warn' },
  prepare ({ directory, rate, seconds }, _transports, common) {
    if (!(rate >= 0 && rate <= mostRate)) throw new ConfigError('bad-option', `--rate ${rate}: give events a second, from 0 to ${mostRate}`)
    if (seconds !== undefined && !(seconds > 0)) throw new ConfigError('bad-option', `--seconds ${seconds}: give seconds, more than 0`)
    refuseWithoutEffect(common)

    return async ctx => { await runPipeline({ directory: resolve(directory), rate, seconds, common }, ctx) }
  }
})

function refuseWithoutEffect ({ statsd, state }: CommonOptions): void {
  if (statsd !== undefined) throw new ConfigError('bad-option', `--statsd ${statsd}: run counts by itself what its daemons report; leave it out`)
  if (state !== commonOptions.state.default) throw new ConfigError('bad-option', `--state ${state}: run keeps state where everything is; choose that with --directory`)
}
