import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

export type Daemon = ChildProcessByStdio<null, null, Readable>

export interface Started {
  readonly child: Daemon
  /** Resolves when the log says so, and rejects with the log if the daemon ends before. */
  readonly ready: Promise<void>
  /** Resolves with the counts that the daemon logs when it ends. */
  readonly counts: Promise<Readonly<Record<string, number>>>
}

/** Starts a daemon from the build. */
export function daemon (args: readonly string[]): Started {
  const child = spawn(process.execPath, [join(import.meta.dirname, '..', 'vanadium.js'), ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  const log: string[] = []
  const lines = createInterface({ input: child.stderr })
  const ready = new Promise<void>((resolve, reject) => {
    lines.on('line', line => {
      log.push(line)
      if (line.includes('"message":"ready"')) resolve()
    })
    child.once('exit', code => { reject(new Error(`${args.join(' ')} ended with ${code} before it was ready:\n${log.join('\n')}`)) })
  })
  const counts = once(lines, 'close').then(() => {
    const { counts } = JSON.parse(log.at(-1) ?? '{}') as { counts?: Record<string, number> }
    return counts ?? {}
  })
  return { child, ready, counts }
}

/** Resolves when the daemon has ended with 0. */
export async function finished (child: Daemon): Promise<void> {
  const code = child.exitCode ?? (await once(child, 'exit') as [number | null])[0]
  if (code !== 0) throw new Error(`a daemon ended with ${code}`)
}

export async function stopped (child: Daemon): Promise<void> {
  child.kill('SIGTERM')
  await finished(child)
}
