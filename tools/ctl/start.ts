import { defineCommand } from '../../lib/cli/command.js'
import { exitCodes, StreamError } from '../../lib/errors.js'
import { checked } from './checked.js'
import { chosenOf, lookAtHost, ofUnits, unitOptions, type Host } from './host.js'
import { inOrder } from './jobs.js'
import { tellOutcome } from './outcome.js'
import { systemctl, target } from './systemd.js'
import { planOf, type Plan, type Unit } from './units.js'

export const start = defineCommand({
  ...ofUnits,
  name: 'start',
  summary: 'Starts what argument files define, in order, and has it started with the host; stops and disables what has no argument file any more.',
  examples: [
    ['vanadiumctl start', 'all; after a change of /etc/vanadium.d: what is new, and what is gone'],
    ['vanadiumctl start consumer/mysql', 'one'],
    ['vanadiumctl start --dry-run', 'only say what would be done']
  ],
  notes: 'An argument file that is new is enabled and started, one that is gone is stopped and disabled; what runs is left alone. Those in whose\n' +
    'files something is wrong are not started, the others are. Exit codes besides the usual ones: 2 something does not run; 78 also for a mistake\n' +
    'in an argument file.\n\n',
  options: {
    ...unitOptions,
    'dry-run': { type: 'boolean', default: false, description: 'Say what would be done, and do nothing' }
  },
  prepare ({ unit, config, 'dry-run': isDry }) {
    return async () => {
      const host = await lookAtHost(config)
      const chosen = chosenOf(unit, host)
      const { good, bad } = await checked(chosen.filter(({ unit }) => host.defined.some(one => one.unit === unit)), host)
      const plan = planOf(chosen.filter(unit => !bad.includes(unit)), host.defined, host.enabled, host.running)
      const due = good.filter(({ unit }) => !host.running.has(unit))
      const isAll = unit.length === 0
      const names = { enable: [...isAll && !host.isTargetEnabled ? [target] : [], ...plan.enable.map(({ unit }) => unit)], disable: plan.disable.map(({ unit }) => unit) }
      tellPlan(plan, due, bad, host, { isDry, isAll })
      // the target would start also those that are to be left as they are
      const withTarget = isAll && bad.length === 0
      if (!isDry) await carryOut(plan, names, withTarget ? good : due, withTarget)
      if (!isDry) await tellOutcome(good)
      if (bad.length > 0) process.exitCode = exitCodes.config
    }
  }
})

function tellPlan ({ enable, disable }: Plan, due: readonly Unit[], bad: readonly Unit[], host: Host, { isDry, isAll }: { isDry: boolean, isAll: boolean }): void {
  const say = (does: string, units: readonly Unit[], why = ''): void => {
    for (const unit of units) process.stdout.write(`${isDry ? 'would ' : ''}${does} ${unit.name}${why === '' ? '' : `: ${host.fileOf(unit)} ${why}`}\n`)
  }
  say('stop and disable', disable, 'is gone')
  if (isAll && !host.isTargetEnabled) process.stdout.write(`${isDry ? 'would ' : ''}enable ${target}, which starts with the host\n`)
  say('enable', enable)
  say('start', due)
  for (const { name } of bad) process.stdout.write(`${name} is left as it is: its configuration is wrong\n`)
  if (disable.length + enable.length + due.length + bad.length === 0) process.stdout.write('there is nothing to do\n')
}

interface Names {
  readonly enable: readonly string[]
  readonly disable: readonly string[]
}

/** One step at a time: what is gone may hold the ports of what is new. */
async function carryOut ({ disable: gone }: Plan, { enable, disable }: Names, units: readonly Unit[], withTarget: boolean): Promise<void> {
  await inOrder('stop', gone, active => active !== 'inactive' && active !== 'failed')
  await must('disable', disable)
  // a failure that nobody will come back for
  if (disable.length > 0) await systemctl('reset-failed', ...disable)
  await must('enable', enable)
  // without the target, which brings them in their order: subscribers first
  const names = [...units].reverse().map(({ unit }) => unit)
  await inOrder('start', units, active => active !== 'active' && active !== 'failed', withTarget ? [target, ...names] : names)
}

async function must (verb: 'enable' | 'disable', names: readonly string[]): Promise<void> {
  if (names.length === 0) return
  const { code, stderr } = await systemctl(verb, '--quiet', ...names)
  if (code !== 0) throw new StreamError('cannot-connect', `systemctl ${verb}: ${stderr.trim()}`)
}
