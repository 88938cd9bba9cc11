import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { startDaemon, type Daemon } from './daemon.js'

/** `vanadium replay`, with what it prints. */
export interface Replay extends Daemon {
  /** Resolves at the end. */
  readonly result: Promise<{ readonly code: number | string, readonly printed: string }>
}

export function startReplay (t: Test, ...args: string[]): Replay {
  const daemon = startDaemon(t, 'replay', ...args)
  let printed = ''
  daemon.child.stdout.on('data', (chunk: Buffer) => { printed += chunk.toString() })
  return { ...daemon, result: daemon.ended.then(code => ({ code, printed })) }
}

/**
 * Resolves when each of these daemons, all of which read a journaled stream, is known to its publisher: a journal forgets what all
 * known subscribers have committed. A stream that nobody publishes yet does not count.
 */
export async function subscribed (daemons: readonly Daemon[]): Promise<void> {
  await Promise.all(daemons.map(async daemon => await daemon.logged('reading the journal for the first time')))
}

/** A line as varnishncsa prints it: an event of DemoButtonClick, the seconds after 09:00 are its number. */
export function clickLine (n: number, capsule: object = {}, userAgent = 'Mozilla'): string {
  const event = { schema: 'DemoButtonClick', revision: 1, wiki: 'testwiki', event: { button: 'save', clicks: n + 1 }, ...capsule }
  const time = new Date(Date.UTC(2014, 4, 21, 9) + n * 1000).toISOString().slice(0, 19)
  return `?${encodeURIComponent(JSON.stringify(event))}; cp1 ${n} ${time} 203.0.113.9 ${userAgent}`
}

export function clickLines (from: number, end: number): string[] {
  return Array.from({ length: end - from }, (_, i) => clickLine(from + i))
}

export function write (path: string, lines: readonly string[]): string {
  writeFileSync(path, lines.map(line => `${line}\n`).join(''))
  return path
}

/** The argument file of a live processor of such lines; what is given stands in the place of the usual. */
export function processorFile (directory: string, ...given: string[]): string {
  const usual = ['--format %q %{recvFrom}s %{seqId}d %t %h %{userAgent}i', `--address-key ${join(directory, 'key')}`, '--input tcp://127.0.0.1:8422', '--output tcp://127.0.0.1:8522']
  return write(join(directory, 'client-side'), [...usual.filter(line => !given.some(other => other.startsWith(line.split(' ')[0] ?? ''))), ...given])
}

export interface LoggedEvent {
  readonly schema: string
  readonly uuid: string
  readonly clientIp?: string
  readonly event: { readonly clicks?: number, readonly rawEvent?: string, readonly message?: string }
}

/** The events in a JSON log; none if there is no such file yet, or its last line is being written. */
export function eventsIn (file: string): LoggedEvent[] {
  try {
    return readFileSync(file, 'utf8').split('\n').slice(0, -1).map(line => JSON.parse(line) as LoggedEvent)
  } catch {
    return []
  }
}

/** The numbers of the valid ones. */
export function clicksIn (file: string): number[] {
  return eventsIn(file).flatMap(({ event: { clicks } }) => clicks === undefined ? [] : [clicks - 1])
}

export function numbers (from: number, end: number): number[] {
  return Array.from({ length: end - from }, (_, i) => from + i)
}
