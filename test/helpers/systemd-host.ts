import { execFile, spawn, spawnSync, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Owner } from './daemon.js'
import { projectRoot } from './shared.js'
import { until } from './wait.js'

const script = join(projectRoot, 'test', 'helpers', 'systemd-host.sh')
const namespaces = ['--mount', '--net', '--uts', '--ipc', '--pid', '--fork']

/** What a test says when it is skipped because no systemd can be booted. */
export const needsSystemdHost = whatIsMissing()

export interface Outcome {
  /** Exit code; -1 if a signal ended it. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** A host with a systemd, a file system, processes and a network of its own. */
export interface SystemdHost {
  /** The number that its process 1 has here. */
  readonly pid: number
  /** Where a path of the host is for the test, to be read and written directly. */
  path (inside: string): string
  /** Runs a command as root of the host. It has two minutes. */
  run (command: string, ...args: string[]): Promise<Outcome>
  /** The same; resolves with what it printed, and throws unless it exits with 0. */
  must (command: string, ...args: string[]): Promise<string>
  /** Starts a program of the test's own, in the file system of the test, in the network of the host. It ends with the test. */
  spawn (command: string, ...args: string[]): ChildProcessWithoutNullStreams
  /** Writes a file, and the directories that it needs. */
  write (inside: string, text: string, mode?: number): void
  read (inside: string): string
  /** Resolves with what is truthy of `condition`, looked at again and again; what is awaited can take its time on a busy machine. */
  until: <T>(what: string, condition: () => T | Promise<T>, deadlineMs?: number) => Promise<NonNullable<T>>
  /** Ends everything in it, as a power cut does. Resolves when nothing is left. */
  stop (): Promise<void>
}

const looksMs = 150
const commandMs = 120_000
/** Of commands: nothing of that of the test, in which tap asks every Node to load what the host does not have. */
const environment = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'LANG=C.UTF-8', 'DEBIAN_FRONTEND=noninteractive', 'SYSTEMD_PAGER=']

/**
 * Boots a systemd whose root is that of this machine, with what it changes kept in memory; ends with the test, and also with a test that is
 * killed. Nothing that the machine itself would start is enabled in it. Resolves when it has booted.
 */
export async function bootHost (t: Owner): Promise<SystemdHost> {
  const base = mkdtempSync(join(tmpdir(), `vanadium-host-${process.pid}-`))
  const cgroup = basename(base)
  // a test that is killed takes unshare with it, and unshare process 1, and that all others of the host
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', ...namespaces, '--kill-child', 'bash', script, base, cgroup], { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(child, 'exit')
  const printed: string[] = []
  createInterface({ input: child.stderr }).on('line', line => { printed.push(line) })
  const pid = await firstProcess(child, printed)
  const host = hostOf(pid, t)
  let stopped: Promise<void> | undefined

  async function stop (): Promise<void> {
    process.kill(pid, 'SIGKILL')
    await ended
    removeCgroup(base, cgroup)
    rmSync(base, { recursive: true })
  }
  const stopOnce = async (): Promise<void> => { await (stopped ??= stop()) }
  t.teardown(stopOnce)
  await host.until('systemd has booted', async () => /^(running|degraded)/.test((await host.run('systemctl', 'is-system-running')).stdout))
  return { ...host, stop: stopOnce }
}

function hostOf (pid: number, t: Owner): Omit<SystemdHost, 'stop'> {
  const inHost = ['--target', String(pid), '--mount', '--net', '--uts', '--ipc', '--pid', '--cgroup', '--root', '--wd', '--', 'env', '--ignore-environment', ...environment]
  const path = (inside: string): string => join('/proc', String(pid), 'root', inside)

  async function run (command: string, ...args: string[]): Promise<Outcome> {
    return await new Promise(resolve => {
      execFile('nsenter', [...inHost, command, ...args], { timeout: commandMs, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
        resolve({ code, stdout, stderr })
      })
    })
  }

  return {
    pid,
    path,
    run,
    async must (command, ...args) {
      const { code, stdout, stderr } = await run(command, ...args)
      if (code !== 0) throw new Error(`${[command, ...args].join(' ')} exited with ${code}: ${stdout}${stderr}`)
      return stdout
    },
    spawn (command, ...args) {
      const child = spawn('nsenter', ['--target', String(pid), '--net', '--', command, ...args], { stdio: 'pipe' })
      const ended = once(child, 'exit')
      t.teardown(async () => {
        child.kill('SIGKILL')
        await ended
      })
      return child
    },
    write (inside, text, mode = 0o644) {
      mkdirSync(dirname(path(inside)), { recursive: true })
      writeFileSync(path(inside), text, { mode })
    },
    read: inside => readFileSync(path(inside), 'utf8'),
    until: async (what, condition, deadlineMs = 60_000) => await until(what, condition, deadlineMs, looksMs)
  }
}

/** The number that process 1 of the host has here. */
async function firstProcess (child: ChildProcess, printed: readonly string[]): Promise<number> {
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout ?? process.stdin }).once('line', resolve)
    child.once('error', reject)
    child.once('exit', () => { reject(new Error(`the host did not boot: ${printed.join('\n')}`)) })
  })
  return Number(line)
}

/** Cgroups outlast their processes. */
function removeCgroup (base: string, name: string): void {
  inCgroups(base, 'find "$1/$2" -depth -type d -exec rmdir {} +', name)
}

/** What hosts of the tests of a process have left: mounts, directories and cgroups. */
export function leftBy (process: number): string[] {
  const name = `vanadium-host-${process}-`
  const directory = mkdtempSync(join(tmpdir(), 'vanadium-cgroups-'))
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n')
  const cgroups = inCgroups(directory, 'ls "$1"').split('\n')
  rmSync(directory, { recursive: true })
  return [...mounts, ...cgroups, ...readdirSync(tmpdir())].filter(line => line.includes(name))
}

/** Runs shell commands with the cgroups of this machine at $1, wherever it has them itself. */
function inCgroups (at: string, commands: string, ...args: string[]): string {
  return spawnSync('unshare', ['--mount', 'sh', '-c', `mount -t cgroup2 cgroup2 "$1" && ${commands}`, 'sh', at, ...args], { encoding: 'utf8' }).stdout
}

function whatIsMissing (): string | false {
  for (const [command, debian] of [['unshare', 'util-linux'], ['nsenter', 'util-linux'], ['setpriv', 'util-linux'], ['systemctl', 'systemd']] as const) {
    if (spawnSync(command, ['--version']).status !== 0) return `needs ${command}: Debian package ${debian}`
  }
  if (process.geteuid?.() !== 0) return 'needs root, to boot a systemd'
  const mounts = 'mount -t tmpfs tmpfs /tmp && mkdir /tmp/u /tmp/w /tmp/r /tmp/c && mount -t overlay -o lowerdir=/,upperdir=/tmp/u,workdir=/tmp/w overlay /tmp/r && mount -t cgroup2 cgroup2 /tmp/c'
  const { status, stderr } = spawnSync('unshare', [...namespaces, 'sh', '-c', mounts], { encoding: 'utf8' })
  return status === 0 ? false : `needs the right to make namespaces, and to mount an overlay and cgroup2, to boot a systemd: ${stderr.trim()}`
}
