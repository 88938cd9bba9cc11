import { ConfigError } from '../../lib/errors.js'
import { folders, type Instance } from '../check/instances.js'

/** An instance as a unit of systemd. */
export interface Unit {
  readonly daemon: string
  readonly instance: string
  /** `vanadium-consumer@mysql.service` */
  readonly unit: string
  /** `consumer/mysql` */
  readonly name: string
}

export function unitOf ({ daemon, instance }: Pick<Instance, 'daemon' | 'instance'>): Unit {
  return { daemon, instance, unit: `vanadium-${daemon}@${instance}.service`, name: `${daemon}/${instance}` }
}

const unitShape = new RegExp(`^(?:vanadium-)?(${Object.values(folders).join('|')})@(.+?)(?:\\.service)?$`)

/** Of the name of a unit, with or without `vanadium-` before and `.service` behind it; null for another's. */
export function parseUnit (name: string): Unit | null {
  const [, daemon, instance] = unitShape.exec(name) ?? []
  return daemon === undefined || instance === undefined ? null : unitOf({ daemon, instance })
}

/**
 * The units that names mean: a role (`consumers`, `consumer`), an instance (`mysql`, of whatever role, also of several; `consumer/mysql`,
 * `consumers/mysql`), or a unit. None given, all. Throws `ConfigError` for a name that none has.
 */
export function chosenBy (names: readonly string[], known: readonly Unit[]): Unit[] {
  if (names.length === 0) return [...known]
  const chosen = names.map(name => ({ name, units: unitsOf(name, known) }))
  const unknown = chosen.filter(({ units }) => units.length === 0).map(({ name }) => `"${name}"`)
  if (unknown.length > 0) {
    throw new ConfigError('bad-option', `there is no instance ${unknown.join(' and no ')}; there are ${known.map(({ name }) => name).join(', ') || 'none'}; or name a role: ${Object.keys(folders).join(', ')}`)
  }
  const wanted = new Set(chosen.flatMap(({ units }) => units))
  return known.filter(unit => wanted.has(unit))
}

function unitsOf (text: string, known: readonly Unit[]): Unit[] {
  const role = roleOf(text)
  if (role !== undefined) return known.filter(({ daemon }) => daemon === role)
  const named = parseUnit(text)
  if (named !== null) return known.filter(({ unit }) => unit === named.unit)
  const [first = '', ...rest] = text.split('/')
  const daemon = roleOf(first)
  const instance = rest.length === 0 ? text : rest.join('/')
  return known.filter(unit => unit.instance === instance && (rest.length === 0 || unit.daemon === daemon))
}

function roleOf (name: string): string | undefined {
  return Object.entries(folders).find(([folder, daemon]) => name === folder || name === daemon)?.[1]
}

/** What has to be done so that what is enabled is what argument files define. */
export interface Plan {
  readonly enable: readonly Unit[]
  /** Their argument files are gone. */
  readonly disable: readonly Unit[]
}

/** `enabled` and `running`: names of units, also of others. Those that are not `chosen` stay as they are. */
export function planOf (chosen: readonly Unit[], defined: readonly Unit[], enabled: ReadonlySet<string>, running: ReadonlySet<string>): Plan {
  const isDefined = ({ unit }: Unit): boolean => defined.some(one => one.unit === unit)
  return {
    enable: chosen.filter(unit => isDefined(unit) && !enabled.has(unit.unit)),
    disable: chosen.filter(unit => !isDefined(unit) && (enabled.has(unit.unit) || running.has(unit.unit)))
  }
}
