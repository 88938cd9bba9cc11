import { execFile, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { setPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { executable, watchDaemon, type Daemon, type Owner } from './daemon.js'
import { startMariadb, type Mariadb } from './mariadb.js'
import type { Outcome } from './systemd-host.js'
import { until } from './wait.js'

/** A host of a `Network`. It has the file system and the users of this machine; processes are seen from everywhere. */
export interface NetworkHost {
  /** Its hostname. */
  readonly name: string
  /** By which other hosts reach it. */
  readonly address: string
  /** Of its own, empty at first; removed with the test. It is HOME and TMPDIR of what runs in the host. */
  readonly directory: string
  /** Starts a program. The process is the child itself, so that a signal to it arrives; it ends with the test. */
  spawn (command: string, ...args: string[]): ChildProcessWithoutNullStreams
  /** Runs a program to its end; it has two minutes. */
  run (command: string, ...args: string[]): Promise<Outcome>
  /** Runs a one-shot `vanadium <args>` to its end. */
  vanadium (...args: string[]): Promise<Outcome>
  /** Starts `vanadium <args>`, with a state that is below `directory` unless `--state` is given. */
  daemon (...args: string[]): Daemon
  /** Starts a MariaDB that all hosts reach at `address` and `port`, as root without a password. The test itself asks it by its socket, whatever is cut. */
  mariadb (args?: readonly string[]): Promise<Mariadb>
  /** The numbers of all processes that run in it. */
  processes (): number[]
  /** Stops all processes of the host where they are (SIGSTOP); resolves when none runs. Its kernel goes on: what is sent to it is received, and acknowledged. */
  pause (): Promise<void>
  resume (): void
  /**
   * Ends all processes of the host (SIGKILL); resolves when they are gone. Its kernel closes their connections: with `cut` before it, nobody hears of
   * that, as when the power fails.
   */
  kill (): Promise<void>
}

const commandMs = 120_000

/** `pid`: a process that stays and has the namespaces of the host. */
export function openHost (t: Owner, { name, address, pid }: { name: string, address: string, pid: number }): NetworkHost {
  const directory = mkdtempSync(join(tmpdir(), `v-${name}-`))
  const namespace = readlinkSync(`/proc/${pid}/ns/net`)
  const env = { ...process.env, HOME: directory, TMPDIR: directory }
  // all three become what they start
  const within = ['setpriv', '--pdeathsig', 'KILL', 'nsenter', '--target', String(pid), '--net', '--uts', '--'] as const
  const [enter, ...entering] = within
  const processes = (): number[] => processesIn(namespace).filter(other => other !== pid)

  function start (command: string, ...args: string[]): ChildProcessWithoutNullStreams {
    return spawn(enter, [...entering, command, ...args], { env })
  }

  async function run (command: string, ...args: string[]): Promise<Outcome> {
    return await new Promise(resolve => {
      execFile(enter, [...entering, command, ...args], { env, timeout: commandMs, killSignal: 'SIGKILL', maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
        resolve({ code, stdout, stderr })
      })
    })
  }

  async function kill (): Promise<void> {
    await until(`no process runs in ${name}`, () => signal(processes(), 'SIGKILL') === 0)
  }

  t.teardown(async () => {
    await kill()
    rmSync(directory, { recursive: true, force: true })
  })

  return {
    name,
    address,
    directory,
    run,
    processes,
    kill,
    spawn (command, ...args) {
      const child = start(command, ...args)
      const ended = once(child, 'exit')
      t.teardown(async () => {
        child.kill('SIGKILL')
        await ended
      })
      return child
    },
    vanadium: async (...args) => await run(process.execPath, executable, ...args),
    daemon (...args) {
      const state = args.includes('--state') ? [] : ['--state', join(directory, 'state')]
      const child = start(process.execPath, executable, ...args, ...state)
      // what comes by UDP is lost unless it is taken in time, also on a machine that many tests share
      if (args[0] === 'forwarder' && child.pid !== undefined) setPriority(child.pid, -10)
      return watchDaemon(t, child, args)
    },
    async mariadb (args = []) {
      const server = await startMariadb(['--skip-name-resolve', '--bind-address=0.0.0.0', ...args], within)
      t.teardown(server.stop)
      await server.query("CREATE USER root@'%'")
      await server.query("GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION")
      return server
    },
    async pause () {
      // also those that one of them started while it was looked for
      await until(`all processes in ${name} are stopped`, () => signal(processes().filter(one => !isStopped(one)), 'SIGSTOP') === 0)
    },
    resume () { signal(processes(), 'SIGCONT') }
  }
}

/** The numbers of all processes that have this network namespace, named as in `/proc/PID/ns/net`. */
export function processesIn (namespace: string): number[] {
  return readdirSync('/proc').filter(name => /^\d+$/.test(name)).map(Number).filter(pid => {
    try {
      return readlinkSync(`/proc/${pid}/ns/net`) === namespace
    } catch {
      // it has ended
      return false
    }
  })
}

function isStopped (pid: number): boolean {
  try {
    // behind the name, which may have any character
    return /^ [Tt]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1').split(')').at(-1) ?? '')
  } catch {
    return true
  }
}

/** Returns how many there were. */
function signal (pids: readonly number[], signal: NodeJS.Signals): number {
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch { /* it has ended */ }
  }
  return pids.length
}
