import type { Options } from 'yargs'
import { ConfigError } from '../../lib/errors.js'
import { argumentFileOf, definedIn, type Instance } from '../check/instances.js'
import { configOption } from '../check/leftovers.js'
import { knownToSystemd, requireSystemd, statesOf, type UnitState } from './systemd.js'
import { chosenBy, parseUnit, unitOf, type Unit } from './units.js'

/** Of every command of vanadiumctl. */
export const unitOptions = {
  unit: { type: 'string', array: true, default: [] as string[], requiresArg: true, description: 'What is meant: a role (consumers), an instance (mysql, consumers/mysql), or a unit (vanadium-consumer@mysql) [default: all]; "--unit" before it can be left out' },
  config: configOption
} as const satisfies Record<string, Options>

/** What all commands of vanadiumctl have in common. */
export const ofUnits = {
  program: 'vanadiumctl',
  light: true,
  readsRegistry: true,
  operands: { option: 'unit', usage: '[ROLE|INSTANCE…]' },
  defaults: { 'log-level': 'warn' }
} as const

/** What is defined on a host, and what systemd knows of it. */
export interface Host {
  readonly defined: ReadonlyArray<Unit & Pick<Instance, 'stateDirectory'>>
  /** Those, and those that systemd knows besides. */
  readonly known: readonly Unit[]
  /** Of those that are known. */
  readonly states: ReadonlyMap<string, UnitState>
  /** Names of units that are started with the target. */
  readonly enabled: ReadonlySet<string>
  /** Whether that is started with the host. */
  readonly isTargetEnabled: boolean
  /** Names of units that have a process, or are about to. */
  readonly running: ReadonlySet<string>
  fileOf (unit: Unit): string
}

/** Throws `ConfigError` without systemd, without units, or without argument files that this user can read. */
export async function lookAtHost (config: string): Promise<Host> {
  requireSystemd()
  const { loaded, enabled, isTargetEnabled } = await knownToSystemd()
  const others = [...loaded, ...enabled].flatMap(name => parseUnit(name) ?? [])
  const defined = definedUnits(config, others.length > 0)
  const known = [...new Map([...defined, ...others].map(unit => [unit.unit, unit])).values()]
  const states = await statesOf(known.map(({ unit }) => unit))
  return {
    defined,
    known: known.filter(({ unit }) => defined.some(one => one.unit === unit) || enabled.includes(unit) || !isNothing(states.get(unit))),
    states,
    enabled: new Set(enabled),
    isTargetEnabled,
    running: new Set([...states.values()].filter(({ active }) => active !== 'inactive' && active !== 'failed').map(({ unit }) => unit)),
    fileOf: unit => argumentFileOf(config, unit)
  }
}

/** Where the last argument file is gone, there may still be what is to be stopped. */
function definedUnits (config: string, mayBeNone: boolean): Array<Unit & Pick<Instance, 'stateDirectory'>> {
  try {
    return definedIn(config).map(instance => ({ ...unitOf(instance), ...instance.stateDirectory === undefined ? {} : { stateDirectory: instance.stateDirectory } }))
  } catch (error) {
    if (mayBeNone && error instanceof ConfigError && error.cause === undefined) return []
    throw error
  }
}

/** Left in the memory of systemd, and of no interest. */
function isNothing (state: UnitState | undefined): boolean {
  return state === undefined || (state.active === 'inactive' && !state.isEnabled)
}

export function chosenOf (names: readonly string[], host: Host): Unit[] {
  return chosenBy(names, host.known)
}
