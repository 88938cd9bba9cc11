import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Ports } from './ports.js'

export type DaemonKind = 'forwarder' | 'processor' | 'consumer' | 'monitor'
export type Option = readonly [name: string, value: string]

/** One daemon of the pipeline. */
export interface Plan {
  readonly daemon: DaemonKind
  readonly instance: string
  /** In a few words, for people. */
  readonly does: string
  readonly options: readonly Option[]
  readonly argumentFile: string
  /** Its stderr. */
  readonly logFile: string
}

export interface Layout {
  /** Absolute; everything is in here. */
  readonly directory: string
  readonly ports: Ports
  /** Where all daemons report to. */
  readonly statsdPort: number
  /** What all daemons get besides. */
  readonly common: readonly Option[]
}

/** Daemons report this often, in seconds: what is shown of several of them is then nearly of one moment. */
const reportInterval = 0.2

/** The lines that the http reader makes. */
const lineFormat = '%q %{recvFrom}s %{seqId}d %t %h %{userAgent}i'

/** The files in which events end up. */
export function storesIn (directory: string): { readonly sqlite: string, readonly json: string } {
  return { sqlite: join(directory, 'events.sqlite'), json: join(directory, 'events.json') }
}

/** The daemons, in the order in which events pass through them. */
export function planPipeline (layout: Layout): Plan[] {
  const { directory, ports } = layout
  const stores = storesIn(directory)
  const http = `http://127.0.0.1:${ports.http}`
  const raw = { plain: streamOf(ports.raw), journaled: streamOf(ports.rawJournal), journal: 'client-side-raw' }
  const events = { plain: streamOf(ports.events), journaled: streamOf(ports.eventsJournal), journal: 'client-side-events' }
  const all = { plain: streamOf(ports.all), journaled: streamOf(ports.allJournal), journal: 'all-events' }
  const place = placeIn(layout)
  return [
    place({
      daemon: 'forwarder',
      instance: 'client-side',
      does: 'takes events over http and publishes them as lines',
      options: [['input', http], ...outputsTo(raw)]
    }),
    place({
      daemon: 'processor',
      instance: 'client-side',
      does: 'makes validated events of lines',
      options: [['format', lineFormat], ['address-key', join(directory, 'state', 'address.key')], inputFrom(raw, 'client-side'), ...outputsTo(events), ...outputsTo(events, 'invalid')]
    }),
    place({
      daemon: 'forwarder',
      instance: 'all-events',
      does: 'makes one stream of all there are: here, of one',
      options: [inputFrom(events, 'all-events'), ...outputsTo(all)]
    }),
    place({ daemon: 'consumer', instance: 'sqlite', does: 'stores events in tables', options: [inputFrom(all, 'sqlite'), ['output', uriOf('sqlite', stores.sqlite)]] }),
    place({ daemon: 'consumer', instance: 'json-log', does: 'appends events to a file', options: [inputFrom(all, 'json-log'), ['output', uriOf('file', stores.json)]] }),
    // of journals: what is shown at the end adds up, whatever was killed
    place({ daemon: 'monitor', instance: 'all', does: 'counts lines and events', options: [inputFrom(raw, 'all', 'client-side='), inputFrom(events, 'all', 'client-side=')] })
  ]
}

/** A stream as one daemon publishes it: journaled for the others of the pipeline, plain for anybody. */
interface Published {
  readonly plain: string
  readonly journaled: string
  readonly journal: string
}

/** Its replay socket gets any port that is free: subscribers are told. */
function outputsTo ({ plain, journaled, journal }: Published, option: 'output' | 'invalid' = 'output'): Option[] {
  return [[option, `${journaled}?journal=${journal}`], [option, plain]]
}

/** The subscriber is called as the instance. */
function inputFrom ({ journaled }: Published, instance: string, countedAs = ''): Option {
  return ['input', `${countedAs}${journaled}?as=${instance}`]
}

/** A plain stream on loopback. */
export function streamOf (port: number): string {
  return `tcp://127.0.0.1:${port}`
}

function placeIn ({ directory, statsdPort, common }: Layout): (plan: Pick<Plan, 'daemon' | 'instance' | 'does' | 'options'>) => Plan {
  return ({ options, ...plan }) => ({
    ...plan,
    options: [...options, ['state', join(directory, 'state')], ['statsd', `127.0.0.1:${statsdPort}`], ['interval', String(reportInterval)], ...common],
    argumentFile: join(directory, 'vanadium.d', `${plan.daemon}s`, plan.instance),
    logFile: join(directory, 'log', `${plan.daemon}-${plan.instance}.log`)
  })
}

/** The URIs that a daemon is given for an option, without the names that a monitor gives them. */
export function urisOf ({ options }: Plan, option: 'input' | 'output' | 'invalid'): string[] {
  return options.filter(([name]) => name === option).map(([, value]) => value.replace(/^[^:=]*=/, ''))
}

/** A path as a URI of this scheme: what would be an option or an escape in it is escaped. */
function uriOf (scheme: string, path: string): string {
  return pathToFileURL(path).href.replace(/^file:/, `${scheme}:`)
}

/** Writes the argument files anew, in the form of `/etc/vanadium.d`; leaves everything else in the directory alone. */
export async function writeArgumentFiles (plans: readonly Plan[]): Promise<void> {
  for (const plan of plans) {
    await mkdir(dirname(plan.argumentFile), { recursive: true })
    await mkdir(dirname(plan.logFile), { recursive: true })
    await writeFile(plan.argumentFile, textOf(plan))
  }
}

function textOf ({ daemon, instance, does, options, argumentFile }: Plan): string {
  return [
    `# ${daemon} ${instance}: ${does}.`,
    '# vanadium run writes this file at each start. By hand:',
    `#   vanadium ${daemon} --name ${instance} @${relative(process.cwd(), argumentFile)}`,
    ...options.map(([name, value]) => `--${name} ${value}`),
    ''
  ].join('\n')
}
