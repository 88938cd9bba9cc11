import { execFile } from 'node:child_process'
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Test } from 'tap'
import { batchOfLines } from '../../lib/stream/batch.js'
import type { Batch } from '../../lib/stream/contracts.js'
import { openState } from '../../lib/stream/state.js'
import { executable } from './daemon.js'
import { shortDirectory } from './streams.js'

export const dayMs = 86_400_000

/** A host with argument files, logs and states in one directory. */
export interface PurgedHost {
  readonly directory: string
  readonly config: string
  readonly state: string
  /** Path of a log file. */
  log (name: string): string
  define (path: string, ...args: string[]): void
  /** Writes a log file, compressed if its name says so, that was written to last so many days ago. */
  write (name: string, content: string, ageDays?: number): string
  /** `vanadium purge`, with this host's registry, argument files and states. */
  purge (...args: string[]): Promise<{ code: number | string, text: string, errors: string }>
}

export function purgedHost (t: Test, registry: object = {}): PurgedHost {
  const directory = shortDirectory(t)
  const [config, state, logs] = ['vanadium.d', 'state', 'log'].map(name => join(directory, name)) as [string, string, string]
  for (const path of [state, logs]) mkdirSync(path)
  writeFileSync(join(directory, 'registry.yaml'), JSON.stringify(registry))
  return {
    directory,
    config,
    state,
    log: name => join(logs, name),
    define (path, ...args) {
      mkdirSync(dirname(join(config, path)), { recursive: true })
      writeFileSync(join(config, path), `${args.join('\n')}\n`)
    },
    write (name, content, ageDays = 0) {
      const path = join(logs, name)
      writeFileSync(path, name.endsWith('.gz') ? gzipSync(content) : content)
      const seconds = (Date.now() - ageDays * dayMs) / 1000
      utimesSync(path, seconds, seconds)
      return path
    },
    purge: async (...args) => await new Promise(resolve => {
      execFile(process.execPath, [executable, 'purge', '--registry', join(directory, 'registry.yaml'), '--config', config, '--state', state, ...args], { maxBuffer: 1 << 26 }, (error, text, errors) => {
        resolve({ code: error === null ? 0 : error.code ?? 'killed', text, errors })
      })
    })
  }
}

/** An event as a JSON log has it, received so many days ago. */
export function eventLine (ageDays: number, schema: string, event: object = { a: 1 }, more: object = {}): string {
  return `${JSON.stringify({ event, schema, revision: 1, timestamp: Math.floor((Date.now() - ageDays * dayMs) / 1000), wiki: 'enwiki', recvFrom: 'cp1', uuid: 'u', clientIp: 'hash', userAgent: 'browser', ...more })}\n`
}

/** A state without a daemon, whose journal `all` has a record for each age, which came in so many days ago. */
export function journalState (directory: string, instance: string, agesDays: readonly number[]): void {
  const state = openState(directory, instance)
  for (const age of agesDays) {
    const batch = batchOfLines([`record of ${age} days`], { stream: 's', source: 's', position: null, timeMs: Date.now() - age * dayMs, taken: new Map([['-', 1]]), schemas: new Map([['-', 1]]) }) as Batch
    state.journal('all').append(batch, () => {})
  }
  state.save()
  state.close()
}
