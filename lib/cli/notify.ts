import { createRequire } from 'node:module'
import { messageOf } from '../errors.js'
import type { Log } from '../log.js'

/**
 * What systemd is told, by datagrams: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html. Where nobody listens nothing
 * happens. Nothing here waits, throws, or keeps the process alive.
 */
export interface Notifier {
  /** What is needed is open, or being waited for: systemd starts what comes after. */
  ready (): void
  /** For `systemctl status`: one line, cut if it is long. */
  status (text: string): void
  reloading (): void
  reloaded (): void
  stopping (): void
  /** The work goes on: without this, systemd takes the process for hung and restarts it. Costs nothing: it only counts. */
  progress (): void
  /** After it nothing is said any more, but for a status. */
  end (): void
}

/** Of a status: systemd drops datagrams of more than 4096 bytes. */
const mostStatusLength = 500
/** While a start makes progress systemd waits so long for the next sign of it, whatever the unit says. */
const startPatienceMs = 60_000
/** It is looked this often, or four times in the time that systemd allows, whether there was progress. */
const lookMs = 5000
/** What has to arrive is sent again so soon when systemd's queue is full. */
const againMs = 200

/** What `unix-dgram` is used for. Its callbacks come before its functions return. */
interface UnixDgram {
  createSocket (type: 'unix_dgram'): {
    send (bytes: Buffer, offset: number, length: number, path: string, done: (error?: { readonly code?: number }) => void): void
    close (): void
  }
}

type Environment = Record<string, string | undefined>

/** Takes what systemd has left in the environment out of it: children of the process must not speak in its place. */
export function openNotifier (env: Environment, log: Log): Notifier {
  const { NOTIFY_SOCKET: path, WATCHDOG_USEC: watchdogUs, WATCHDOG_PID: watchdogPid } = env
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) Reflect.deleteProperty(env, name)
  if (path === undefined || path === '') return silent
  // an abstract socket has no path: unix-dgram cannot send there, and systemd has not used one since 2013
  if (!path.startsWith('/')) {
    log.warn('systemd cannot be told anything: its socket has no path', { notify_socket: path })
    return silent
  }
  const isForUs = watchdogPid === undefined || watchdogPid === String(process.pid)
  const watchdogMs = isForUs && Number(watchdogUs) > 0 ? Number(watchdogUs) / 1000 : null
  const send = sender(path, log)
  return send === null ? silent : speaking(send, watchdogMs)
}

const silent: Notifier = { ready () {}, status () {}, reloading () {}, reloaded () {}, stopping () {}, progress () {}, end () {} }

function speaking (send: (...lines: string[]) => void, watchdogMs: number | null): Notifier {
  let turns = 0
  let seen = 0
  let isReady = false
  let shown = ''

  // a timer of its own says nothing of the work: it only passes on that there was some
  const looking = setInterval(() => {
    if (turns === seen) return
    seen = turns
    if (!isReady) send(`EXTEND_TIMEOUT_USEC=${startPatienceMs * 1000}`)
    else if (watchdogMs !== null) send('WATCHDOG=1')
  }, Math.min(lookMs, (watchdogMs ?? Infinity) / 4))
  looking.unref()

  return {
    ready () {
      isReady = true
      send('READY=1')
    },
    status (text) {
      const line = text.replace(/\p{Cc}+/gu, ' ').slice(0, mostStatusLength)
      if (line === shown) return
      shown = line
      send(`STATUS=${line}`)
    },
    reloading () { if (isReady) send('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`) },
    reloaded () { if (isReady) send('READY=1') },
    stopping () { send('STOPPING=1') },
    progress () { turns++ },
    end () { clearInterval(looking) }
  }
}

/** Null if the library cannot be loaded. */
function sender (path: string, log: Log): ((...lines: string[]) => void) | null {
  let library: UnixDgram
  try {
    library = createRequire(import.meta.url)('unix-dgram') as UnixDgram
  } catch (error) {
    log.warn('systemd cannot be told anything: unix-dgram cannot be loaded', { reason: messageOf(error) })
    return null
  }
  /** What has to arrive and did not. */
  let due: string[] = []
  let timer: NodeJS.Timeout | undefined

  return function send (...lines) {
    due.push(...lines)
    clearTimeout(timer)
    const isFull = deliver(library, path, due.join('\n')) === 'full'
    // these are said again when there is news
    due = isFull ? due.filter(line => !/^(?:WATCHDOG|STATUS|EXTEND_TIMEOUT_USEC)=/.test(line)) : []
    if (due.length > 0) timer = setTimeout(send, againMs).unref()
  }
}

/** EAGAIN and ENOBUFS of Linux, as unix-dgram gives them. */
const full: readonly unknown[] = [-11, -105]

/** A socket for each datagram: an open one would keep the process alive, and this finds systemd again after whatever happened to its own. */
function deliver (library: UnixDgram, path: string, text: string): 'sent' | 'full' | 'failed' {
  const bytes = Buffer.from(text)
  let outcome: 'sent' | 'full' | 'failed' = 'failed'
  try {
    const socket = library.createSocket('unix_dgram')
    try {
      socket.send(bytes, 0, bytes.length, path, error => { outcome = error === undefined ? 'sent' : full.includes(error.code) ? 'full' : 'failed' })
    } finally {
      socket.close()
    }
  } catch { /* no descriptor is left; nothing depends on what systemd hears */ }
  return outcome
}
