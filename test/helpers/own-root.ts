import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Owner } from './daemon.js'

/** What a test says when it is skipped because it cannot have a root of its own. */
export const needsOwnRoot = process.getuid?.() !== 0
  ? 'needs root'
  : spawnSync('unshare', ['--mount', '--pid', '--fork', 'true']).status === 0 ? false : 'needs unshare: Debian package util-linux, and a kernel that allows it'

/** A copy of this machine's file system, in memory, with processes of its own; no systemd runs in it. */
export interface OwnRoot {
  /** Runs a shell command there, with nothing to read; throws, with what it printed, if it fails. Resolves with what it printed. */
  run (command: string): string
  /** Exit code and what it printed. */
  try (command: string): { code: number, printed: string }
  /** Where a path of it is for the test. */
  path (inside: string): string
}

const environment = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'LC_ALL=C.UTF-8', 'DEBIAN_FRONTEND=noninteractive']

/** $1: an empty directory. The file system over / is in memory, and gone with the last process. */
const enter = `set -eu
mount --make-rprivate /
mount -t tmpfs none "$1"
mkdir "$1"/upper "$1"/work "$1"/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1"/root
cd "$1"/root
mount -t proc proc proc
mount -t tmpfs none run
mount -t tmpfs none tmp
chmod 1777 tmp
mount --rbind /dev dev
echo ready
exec chroot . sleep infinity`

/** It ends with the test. */
export async function ownRoot (t: Owner): Promise<OwnRoot> {
  const base = mkdtempSync(join(tmpdir(), 'v-root-'))
  // a test that is killed takes all of it along
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', '--mount', '--pid', '--fork', '--kill-child', 'bash', '-c', enter, 'bash', base], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
    rmSync(base, { recursive: true })
  })
  const [line] = await Promise.race([once(createInterface({ input: child.stdout }), 'line'), ended]) as unknown[]
  if (line !== 'ready') throw new Error('the file system could not be made')
  const pid = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim()
  const inside = ['--target', pid, '--mount', '--pid', '--root', '--wd', '--', 'env', '--ignore-environment', ...environment, 'sh', '-c']

  return {
    run: command => execFileSync('nsenter', [...inside, `exec 2>&1; ${command}`], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }),
    try (command) {
      const { status, stdout } = spawnSync('nsenter', [...inside, `exec 2>&1; ${command}`], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
      return { code: status ?? -1, printed: stdout }
    },
    path: inside => join('/proc', pid, 'root', inside)
  }
}
