import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expandArguments } from '../lib/cli/arguments.js'
import { parseUri } from '../lib/stream/uri.js'
import { stablePort } from '../test/helpers/ports.js'
import { projectRoot } from '../test/helpers/shared.js'
import { daemon, stopped, type Started } from './daemon.js'

/** The way of a line from Varnish into MySQL, in the order in which records flow. */
const members = [
  ['forwarder', 'client-side'],
  ['processor', 'client-side'],
  ['forwarder', 'all-events'],
  ['consumer', 'mysql']
] as const

export interface ShippedOptions {
  /** State, journals included, the key of addresses, and the dead letters are in here. */
  readonly directory: string
  /** URIs that the first forwarder reads in place of its own; `udp` keeps that one, on another port. */
  readonly inputs: readonly string[] | 'udp'
  /** URI of the store. */
  readonly store: string
}

export interface Shipped {
  /** By daemon and instance. */
  readonly daemons: ReadonlyMap<string, Started>
  /** Where the first forwarder takes datagrams; 0 if it takes none. */
  readonly udpPort: number
  /** Stops all in the order in which records flow. Throws unless each ends with 0, lost nothing, and refused nothing. */
  stop (): Promise<void>
}

/**
 * The daemons with the argument files of `etc/vanadium.d`, journaled and plain streams as shipped. Other are only what ties them to
 * a host: ports, paths, the input and the store, no StatsD, and who is not there is not waited for. Resolves when all are ready.
 */
export async function startShipped (options: ShippedOptions): Promise<Shipped> {
  const lines = members.map(([command, instance]) => ({ command, instance, args: pairsIn(join(projectRoot, 'etc', 'vanadium.d', `${command}s`, instance)) }))
  const published = lines.flatMap(({ args }) => args.filter(([option]) => option !== '--input').map(([, value]) => addressIn(value)))
  const ports = new Ports()
  const daemons = new Map<string, Started>()
  let udpPort = 0
  mkdirSync(join(options.directory, 'state'), { recursive: true })
  for (const { command, instance, args } of lines) {
    const own: string[] = []
    for (const [option, value] of args) {
      if (option === '--input' && value.startsWith('udp:')) {
        if (options.inputs === 'udp') udpPort = await ports.insteadOf(Number(/:(\d+)/.exec(value)?.[1]))
        for (const uri of options.inputs === 'udp' ? [`udp://127.0.0.1:${udpPort}`] : options.inputs) own.push(option, uri)
      } else if (option === '--dead-letter') own.push(option, `file://${join(options.directory, 'refused.log')}`)
      else if (value.startsWith('mysql:')) own.push(option, options.store)
      else if (option !== '--statsd' && (option !== '--input' || published.includes(addressIn(value)))) own.push(option, ...(value === '' ? [] : [await ports.moved(value)]))
    }
    const common = ['--name', instance, '--state', join(options.directory, 'state'), '--schemas', join(projectRoot, 'bench', 'schemas')]
    const key = command === 'processor' ? ['--address-key', join(options.directory, 'address.key')] : []
    daemons.set(`${command} ${instance}`, daemon([command, ...own, ...common, ...key]))
  }
  await Promise.all([...daemons.values()].map(async ({ ready }) => { await ready }))
  return { daemons, udpPort, stop: async () => { await stopAll(daemons) } }
}

/** Options and their values; empty for those that have none. */
function pairsIn (file: string): Array<readonly [string, string]> {
  const args = expandArguments([`@${file}`])
  return args.flatMap((arg, at) => arg.startsWith('--') ? [[arg, args[at + 1]?.startsWith('--') === false ? args[at + 1] ?? '' : ''] as const] : [])
}

function addressIn (value: string): string {
  return value.replace(/\?.*/, '')
}

/** A port of ours for each one that is shipped: the shipped chain may run on this host. */
class Ports {
  readonly #ports = new Map<number, number>()

  async insteadOf (shipped: number): Promise<number> {
    const port = this.#ports.get(shipped) ?? await stablePort()
    this.#ports.set(shipped, port)
    return port
  }

  /** The URI with other ports, and only the subscribers that there are. */
  async moved (value: string): Promise<string> {
    if (!value.startsWith('tcp:')) return value
    const { port, query } = parseUri(value)
    const options = await Promise.all(query.map(async ([name, text]) => {
      if (name === 'replay') return `${name}=${await this.insteadOf(Number(text))}`
      if (name !== 'subscribers') return `${name}=${text}`
      return `${name}=${text.split(',').filter(subscriber => members.some(([, instance]) => instance === subscriber)).join(',')}`
    }))
    return `tcp://127.0.0.1:${await this.insteadOf(port ?? 0)}${options.length === 0 ? '' : `?${options.join('&')}`}`
  }
}

/** Metrics of which there must be none. */
const harm = ['lost', 'dead_letter', 'duplicate', 'invalid', 'truncated']

async function stopAll (daemons: ReadonlyMap<string, Started>): Promise<void> {
  for (const [name, { child, counts }] of daemons) {
    await stopped(child)
    const bad = Object.entries(await counts).filter(([metric]) => harm.includes(metric))
    if (bad.length > 0) throw new Error(`${name} counted ${JSON.stringify(Object.fromEntries(bad))}`)
  }
}
