import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { projectRoot } from './shared.js'

export const executable = join(projectRoot, 'dist', 'vanadium.js')

export type LogLine = Record<string, unknown> & { level: string, message: string }

/** A real daemon, judged from outside. */
export interface Daemon {
  readonly child: ChildProcessWithoutNullStreams
  readonly log: LogLine[]
  /** Resolves with the first log line, past or future, for which `is` holds; rejects when the daemon ends without it. */
  logged (is: string | ((line: LogLine) => boolean)): Promise<LogLine>
  /** Exit code, or the signal's name; stderr that is no JSON line fails the test. */
  readonly ended: Promise<number | string>
  /** Sends SIGTERM and resolves as `ended`. */
  stop (): Promise<number | string>
}

/** What daemons end with: a test, or whoever else starts them and is told what is wrong. */
export interface Owner {
  fail (message: string): unknown
  teardown (release: () => Promise<void> | void): unknown
}

const states = new WeakMap<Owner, string>()

/** One for all daemons of a test, new each time: what a run that was killed has left must not reach the next one. */
function stateOf (t: Owner): string {
  const directory = states.get(t) ?? mkdtempSync(join(tmpdir(), 'v-'))
  if (!states.has(t)) t.teardown(() => { rmSync(directory, { recursive: true, force: true }) })
  states.set(t, directory)
  return directory
}

/** Starts `vanadium <args>` with a state directory of the test's own; ends it with the test. */
export function startDaemon (t: Owner, ...args: string[]): Daemon {
  return startDaemonIn({}, t, ...args)
}

/** The same, with these variables in its environment too. */
export function startDaemonIn (environment: Readonly<Record<string, string>>, t: Owner, ...args: string[]): Daemon {
  const state = args.includes('--state') || args[0] === 'run' ? [] : ['--state', stateOf(t)]
  return watchDaemon(t, spawn(process.execPath, [executable, ...args, ...state], { env: { ...process.env, ...environment } }), args)
}

/** The daemon that this process is; `args` are for messages. Ends it with the test. */
export function watchDaemon (t: Owner, child: ChildProcessWithoutNullStreams, args: readonly string[]): Daemon {
  const log: LogLine[] = []
  const waiting = new Set<() => void>()
  let over = false

  createInterface({ input: child.stderr }).on('line', text => {
    try {
      log.push(JSON.parse(text) as LogLine)
    } catch {
      t.fail(`stderr has a line that is not JSON: ${text}`)
    }
    for (const check of waiting) check()
  })
  const ended = once(child, 'close').then(([code, signal]) => {
    over = true
    for (const check of waiting) check()
    return (code ?? signal) as number | string
  })

  const daemon: Daemon = {
    child,
    log,
    ended,
    async logged (is) {
      const holds = typeof is === 'string' ? (line: LogLine) => line.message === is : is
      return await new Promise((resolve, reject) => {
        const check = (): void => {
          const found = log.find(holds)
          if (found === undefined && !over) return
          waiting.delete(check)
          if (found !== undefined) resolve(found)
          else reject(new Error(`${args.join(' ')} ended without that log line: ${JSON.stringify(log.slice(-5), null, 1)}`))
        }
        waiting.add(check)
        check()
      })
    },
    async stop () {
      child.kill('SIGTERM')
      return await ended
    }
  }
  t.teardown(async () => {
    if (!over) child.kill('SIGKILL')
    await ended
  })
  return daemon
}

/** Starts a daemon and waits until everything it needs is open. */
export async function startReady (t: Owner, ...args: string[]): Promise<Daemon> {
  const daemon = startDaemon(t, ...args)
  await daemon.logged('ready')
  return daemon
}
