import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** Debian's servers are in directories that a user's PATH may lack. */
export function findProgram (name: string): string | undefined {
  const directories = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/local/sbin']
  return directories.map(directory => join(directory, name)).find(path => existsSync(path))
}

/** A program that ends with the test, whatever the test ends with. */
export interface Program {
  readonly child: ChildProcess
  /** The end of what it printed, for the message of whoever waits in vain. */
  printed (): string
  /** Throws, with what it printed, if it has ended. */
  mustRun (): void
  /** Asks it to end; resolves when it is gone, by force after five seconds. */
  stop (): Promise<void>
}

const mostPrinted = 20_000

/** With `detached` it has a process group of its own, all of which is ended by force. */
export function startProgram (path: string, args: readonly string[], options: SpawnOptions = {}): Program {
  const child = spawn(path, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const output of [child.stdout, child.stderr]) {
    output?.on('data', (chunk: Buffer) => { text = (text + chunk.toString()).slice(-mostPrinted) })
  }
  child.on('error', error => { text += String(error) })
  const killWithParent = (): void => {
    if (options.detached === true && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    else child.kill('SIGKILL')
  }
  process.once('exit', killWithParent)
  child.once('exit', () => { process.off('exit', killWithParent) })
  const isOver = (): boolean => child.pid === undefined || child.exitCode !== null || child.signalCode !== null

  return {
    child,
    printed: () => text,
    mustRun () {
      if (isOver()) throw new Error(`${path} ended with ${child.exitCode ?? child.signalCode ?? 'nothing'}: ${text}`)
    },
    async stop () {
      if (isOver()) return
      const gone = once(child, 'exit')
      child.kill('SIGTERM')
      const force = setTimeout(killWithParent, 5000)
      await gone
      clearTimeout(force)
    }
  }
}
