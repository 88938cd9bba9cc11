import { defineCommand } from '../../lib/cli/command.js'
import { chosenOf, lookAtHost, ofUnits, unitOptions } from './host.js'
import { inOrder } from './jobs.js'
import { notWell } from './outcome.js'
import { statesOf, target } from './systemd.js'

export const stop = defineCommand({
  ...ofUnits,
  name: 'stop',
  summary: 'Stops instances, in order, and waits until they have; says which are still stopping.',
  examples: [
    ['vanadiumctl stop', 'all: what is on its way arrives first'],
    ['vanadiumctl stop consumers', 'those; what is published meanwhile waits in journals'],
    ['vanadiumctl stop consumer/mysql', 'one']
  ],
  notes: 'With the next start of the host they start again. What is not to run any more loses its argument file; then: vanadiumctl start.\n' +
    'Exit codes besides the usual ones: 2 something did not stop in time, and was killed.\n\n',
  options: unitOptions,
  prepare ({ unit, config }) {
    return async () => {
      const host = await lookAtHost(config)
      const due = chosenOf(unit, host).filter(({ unit }) => host.running.has(unit))
      const names = due.map(({ unit }) => unit)
      const failure = await inOrder('stop', due, active => active !== 'inactive' && active !== 'failed', unit.length === 0 ? [target, ...names] : names)
      const states = await statesOf(due.map(({ unit }) => unit))
      const killed = due.filter(({ unit }) => states.get(unit)?.active !== 'inactive')
      for (const { name, unit } of killed) process.stdout.write(`${name} did not stop as asked: ${states.get(unit)?.result ?? ''}\n`)
      if (killed.length > 0 && failure !== '') process.stdout.write(`${failure}\n`)
      process.stdout.write(due.length === 0 ? 'nothing was running\n' : `${due.length - killed.length} of ${due.length} stopped\n`)
      if (killed.length > 0) process.exitCode = notWell
    }
  }
})
