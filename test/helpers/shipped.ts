import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startDaemon, type Daemon, type Owner } from './daemon.js'
import type { NetworkHost } from './network-host.js'
import { stablePort } from './ports.js'
import { projectRoot } from './shared.js'

export interface ShippedOptions {
  /** For the argument files, the state and the logs. */
  readonly directory: string
  /** The output of the consumer `mysql`. */
  readonly store: string
  /** Only these, for example `consumers/mysql`. */
  readonly only?: readonly string[]
  /** HOST:PORT in place of 127.0.0.1:8125. */
  readonly statsd?: string
  /** Further arguments for every daemon. */
  readonly further?: readonly string[]
  /** Has it all, with the ports and addresses as they are shipped. */
  readonly on?: NetworkHost
  /** What an operator changes in an argument file. */
  readonly edit?: (path: string, text: string) => string
}

/** The topology of etc/vanadium.d, with the ports and directories of a test. */
export interface Shipped {
  /** Has the argument files as they are in force. */
  readonly config: string
  readonly state: string
  readonly logs: string
  /** Which port stands for a shipped one. */
  port (shipped: number): number
  /** Starts an instance, `consumers/mysql`, or starts it again. */
  start (path: string): Daemon
  /** Starts all; resolves when they are ready. */
  startAll (): Promise<ReadonlyMap<string, Daemon>>
}

/** The way of the events of application servers into the database. */
export const serverSide = ['forwarders/server-side', 'processors/server-side', 'forwarders/all-events', 'consumers/mysql']

const shippedFolder = join(projectRoot, 'etc', 'vanadium.d')
const written = /(?<=:|replay=)8[4-7]\d\d\b/g

export async function shippedTopology (t: Owner, { directory, store, only, statsd, further = [], on, edit = (_path, text) => text }: ShippedOptions): Promise<Shipped> {
  const [config, state, logs] = ['vanadium.d', 'state', 'log'].map(name => join(directory, name)) as [string, string, string]
  const paths = readdirSync(shippedFolder).flatMap(role => readdirSync(join(shippedFolder, role)).map(name => `${role}/${name}`)).filter(path => only?.includes(path) ?? true)
  const texts = new Map(paths.map(path => [path, readFileSync(join(shippedFolder, path), 'utf8')]))
  const ports = new Map<number, number>()
  for (const [shipped = ''] of [...texts.values()].flatMap(text => [...text.matchAll(written)])) if (!ports.has(Number(shipped))) ports.set(Number(shipped), on === undefined ? await stablePort() : Number(shipped))
  for (const made of [state, logs]) mkdirSync(made)
  for (const [path, text] of texts) {
    mkdirSync(join(config, path, '..'), { recursive: true })
    writeFileSync(join(config, path), edit(path, text)
      .replaceAll(written, shipped => String(ports.get(Number(shipped))))
      .replaceAll('0.0.0.0', on === undefined ? '127.0.0.1' : '0.0.0.0')
      .replaceAll('127.0.0.1:8125', statsd ?? '127.0.0.1:9')
      .replaceAll('/var/log/vanadium', logs)
      .replace(/mysql:\/\/\S+/, () => store))
  }

  function start (path: string): Daemon {
    const [role = '', name = ''] = path.split('/')
    const own = role === 'processors' ? ['--address-key', join(directory, 'address.key')] : []
    const args = [role.replace(/s$/, ''), '--name', name, '--state', state, ...own, ...further, `@${join(config, path)}`]
    return on === undefined ? startDaemon(t, ...args) : on.daemon(...args)
  }
  return {
    config,
    state,
    logs,
    port: shipped => ports.get(shipped) ?? shipped,
    start,
    async startAll () {
      const daemons = new Map(paths.map(path => [path, start(path)]))
      await Promise.all([...daemons.values()].map(async daemon => await daemon.logged('ready')))
      return daemons
    }
  }
}
