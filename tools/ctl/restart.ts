import { defineCommand } from '../../lib/cli/command.js'
import { exitCodes } from '../../lib/errors.js'
import { checked } from './checked.js'
import { chosenOf, lookAtHost, ofUnits, unitOptions } from './host.js'
import { inOrder } from './jobs.js'
import { tellOutcome } from './outcome.js'
import { target } from './systemd.js'

export const restart = defineCommand({
  ...ofUnits,
  name: 'restart',
  summary: 'Restarts instances, in order, but for those whose configuration is wrong: these go on as they are.',
  examples: [
    ['vanadiumctl restart', 'all'],
    ['vanadiumctl restart processors', 'after a change of their argument files, which only a restart reads']
  ],
  notes: 'Exit codes besides the usual ones: 2 something does not run; 78 also for a mistake in an argument file.\n\n',
  options: unitOptions,
  prepare ({ unit, config }) {
    return async () => {
      const host = await lookAtHost(config)
      const defined = chosenOf(unit, host).filter(({ unit }) => host.defined.some(one => one.unit === unit))
      const { good, bad } = await checked(defined, host)
      for (const { name } of bad) process.stdout.write(`${name} is left as it is: its configuration is wrong\n`)
      // what the target is restarted with is restarted in one step; the target takes all that runs, and nothing else
      const isWhole = host.running.size === good.length && good.every(({ unit }) => host.running.has(unit))
      const names = isWhole ? [target] : [...good].reverse().map(({ unit }) => unit)
      await inOrder('restart', good, active => active !== 'active' && active !== 'failed', names)
      await tellOutcome(good)
      if (bad.length > 0) process.exitCode = exitCodes.config
    }
  }
})
