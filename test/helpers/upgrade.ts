import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import Database from 'better-sqlite3'
import type { LogLine } from './daemon.js'

/**
 * What an older build has left: argument files, the state that its daemons had when they were killed, and its stores. The argument files have
 * paths relative to the directory that everything is in, which is where its daemons run, and no ports: so it can be taken up anywhere.
 * `directory` says where it was, `shipped` has the argument files and the registry that came with the build.
 */
export const partsOfFixture = ['directory', 'vanadium.d', 'schemas', 'state', 'in.log', 'stores', 'mysql.sql', 'shipped'] as const

/** One event in so many is invalid. */
const invalidEvery = 50

/** Line `n` of the input, as an application server sends it. */
export function lineOf (n: number): string {
  const event = isInvalid(n) ? { n: 'none' } : { n, text: `event-${n}` }
  return `EventLogging ${JSON.stringify({ schema: 'Upgraded', revision: 1, wiki: 'enwiki', recvFrom: 'mw1001.example.org', timestamp: 1400664601 + n, event })}`
}

export function isInvalid (n: number): boolean {
  return n % invalidEvery === invalidEvery - 1
}

/** Numbers below `count` of the valid events. */
export function validBelow (count: number): number[] {
  return Array.from({ length: count }, (_, n) => n).filter(n => !isInvalid(n))
}

export function appendLines (directory: string, from: number, below: number): void {
  appendFileSync(join(directory, 'in.log'), Array.from({ length: below - from }, (_, i) => `${lineOf(from + i)}\n`).join(''))
}

/** `consumers/mysql` and so on. */
export function instancesIn (directory: string): string[] {
  return readdirSync(join(directory, 'vanadium.d')).flatMap(role => readdirSync(join(directory, 'vanadium.d', role)).map(name => `${role}/${name}`))
}

/** A daemon of a build, in the directory of a fixture. */
export interface OldDaemon {
  readonly child: ChildProcess
  readonly log: LogLine[]
  /** Resolves when it has logged that; rejects when it ends without. */
  logged (message: string): Promise<void>
  kill (signal?: NodeJS.Signals): Promise<number | string>
}

export function startInstance (executable: string, directory: string, instance: string): OldDaemon {
  const [role = '', name = ''] = instance.split('/')
  const child = spawn(process.execPath, [executable, role.replace(/s$/, ''), '--name', name, '--state', 'state', '--schemas', 'schemas', `@vanadium.d/${instance}`], { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] })
  const log: LogLine[] = []
  const waiting = new Set<() => void>()
  const look = (): void => { for (const check of waiting) check() }
  createInterface({ input: child.stderr }).on('line', line => {
    log.push(JSON.parse(line) as LogLine)
    look()
  })
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string)
  let isOver = false
  void ended.then(() => {
    isOver = true
    look()
  })
  return {
    child,
    log,
    async logged (message) {
      await new Promise<void>((resolve, reject) => {
        const check = (): void => {
          const isThere = log.some(line => line.message === message)
          if (!isThere && !isOver) return
          waiting.delete(check)
          if (isThere) resolve()
          else reject(new Error(`${instance} ended without logging "${message}": ${JSON.stringify(log.slice(-5), null, 1)}`))
        }
        waiting.add(check)
        check()
      })
    },
    async kill (signal = 'SIGKILL') {
      child.kill(signal)
      return await ended
    }
  }
}

/** Of a database that a daemon may be writing; undefined while there is nothing to be had. */
export function valueIn (file: string, sql: string): unknown {
  let db: Database.Database | undefined
  try {
    db = new Database(file, { readonly: true, fileMustExist: true })
    return db.prepare(sql).pluck().get()
  } catch {
    return undefined
  } finally {
    db?.close()
  }
}
