import { existsSync } from 'node:fs'
import { ConfigError, StreamError } from '../../lib/errors.js'
import { unitOf } from '../ctl/units.js'
import { statusOf } from '../status/daemons.js'
import { cutCommands, type Cut } from './cut.js'

/** How the writer ends. */
export const hows = ['stop', 'kill', 'freeze', 'cut'] as const
export type How = typeof hows[number]

/** What is done to the writer, as commands of a shell, and what puts it back: that may be done twice, and also where nothing was done. */
export interface Way {
  readonly disturb: string
  readonly restore: string
}

/** What starts and stops the consumer where systemd does not. */
export interface Commands {
  readonly stop: string
  readonly start: string
}

/** Null where systemd does it. Throws `ConfigError`. */
export function commandsOf (how: How, stop: string | undefined, start: string | undefined): Commands | null {
  if (stop !== undefined && start !== undefined) return { stop, start }
  if (stop !== undefined || start !== undefined) {
    throw new ConfigError('bad-option', `${stop === undefined ? '--start-command' : '--stop-command'} is given alone; give --stop-command and --start-command, or none of them where systemd has the consumer`)
  }
  if (!isSystemdHere() && (how === 'stop' || how === 'kill')) {
    throw new ConfigError('bad-option', `--how ${how}: systemd does not run here; give --stop-command and --start-command, or --how freeze or cut`)
  }
  return null
}

function isSystemdHere (): boolean {
  return existsSync('/run/systemd/system')
}

/** Of the consumer of this host. Throws `StreamError` if it cannot be found. */
export function wayOf (how: Exclude<How, 'cut'>, { instance, state, commands }: { instance: string, state: string, commands: Commands | null }): Way {
  if (commands === null && isSystemdHere()) return wayOfUnit(how, quoted(unitOf({ daemon: 'consumer', instance }).unit))
  const { stop, start } = commands ?? { stop: 'true', start: 'true' }
  switch (how) {
    case 'stop': return { disturb: stop, restore: start }
    case 'kill': return { disturb: `kill -KILL ${pidOf(instance, state)}; ${stop}`, restore: start }
    case 'freeze': {
      const pid = pidOf(instance, state)
      return { disturb: `kill -STOP ${pid}`, restore: `kill -CONT ${pid} || ${start}` }
    }
  }
}

function wayOfUnit (how: Exclude<How, 'cut'>, unit: string): Way {
  switch (how) {
    case 'stop': return { disturb: `systemctl stop ${unit}`, restore: `systemctl start ${unit}` }
    // it would be started again a second later: that it stays down is what "stop" is for, which finds nothing to end any more
    case 'kill': return { disturb: `systemctl kill --signal=KILL ${unit} && systemctl stop ${unit}`, restore: `systemctl start ${unit}` }
    // the watchdog may have ended it meanwhile
    case 'freeze': return { disturb: `systemctl kill --signal=STOP ${unit}`, restore: `systemctl kill --signal=CONT ${unit}; systemctl start ${unit}` }
  }
}

export function wayOfCut (cut: Cut): Way {
  return cutCommands(cut)
}

function pidOf (instance: string, state: string): number {
  const pid = statusOf(state).find(one => one.daemon === 'consumer' && one.instance === instance)?.pid ?? null
  if (pid === null) throw new StreamError('cannot-read', `the process of the consumer ${instance} is not known: it has noted none in ${state}`)
  return pid
}

/** One word of a shell. */
function quoted (text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
