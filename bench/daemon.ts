import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

export type Daemon = ChildProcessByStdio<null, null, Readable>

/** Starts a daemon from the build; `ready` resolves when its log says so, and rejects with the log if it ends before. */
export function daemon (args: readonly string[]): { child: Daemon, ready: Promise<void> } {
  const child = spawn(process.execPath, [join(import.meta.dirname, '..', 'vanadium.js'), ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  const log: string[] = []
  const ready = new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', line => {
      log.push(line)
      if (line.includes('"message":"ready"')) resolve()
    })
    child.once('exit', code => { reject(new Error(`${args.join(' ')} ended with ${code} before it was ready:\n${log.join('\n')}`)) })
  })
  return { child, ready }
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
