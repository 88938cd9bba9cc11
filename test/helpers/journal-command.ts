import { execFile } from 'node:child_process'
import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { Test } from 'tap'
import { batchOfLines } from '../../lib/stream/batch.js'
import type { Batch } from '../../lib/stream/contracts.js'
import { openState, type State } from '../../lib/stream/state.js'
import { executable, startReady, type Daemon } from './daemon.js'
import { records } from './journaled.js'
import { stablePort } from './ports.js'
import { shortDirectory } from './streams.js'

export interface Result {
  readonly code: number | string
  readonly lines: string[]
  /** Messages of stderr. */
  readonly errors: string[]
}

/** Runs `vanadium journal <command>` to its end. */
export async function journal (command: string, directory: string, ...args: string[]): Promise<Result> {
  return await new Promise(resolve => {
    execFile(process.execPath, [executable, 'journal', command, '--state', directory, ...args], { maxBuffer: 1 << 28 }, (error, stdout, stderr) => {
      const errors = stderr.split('\n').filter(line => line !== '').map(line => (JSON.parse(line) as { message: string }).message)
      resolve({ code: error === null ? 0 : error.code ?? 'killed', lines: stdout.split('\n').slice(0, -1), errors })
    })
  })
}

export function save (state: State, name: string, ...lines: string[]): void {
  state.journal(name).append(batchOfLines(lines) as Batch, () => {})
  state.save()
}

/** A state without a daemon: the journal `all` of 300 records, 10 in a batch, of which `one` has committed 100. */
export function stored (t: Test): { directory: string, file: string } {
  const directory = shortDirectory(t)
  const state = openState(directory, 'forwarder-a')
  for (let n = 0; n < 300; n += 10) save(state, 'all', ...records(n, n + 10))
  state.journal('all').committed('one', 100)
  state.remember('journal:x?as=y', '0123456789abcdef:17')
  state.save()
  state.close()
  return { directory, file: join(directory, 'forwarder-a.sqlite') }
}

/** What another process does to a state. */
export function change (file: string, sql: string): void {
  const db = new Database(file)
  db.exec(sql)
  db.close()
}

export interface Pipeline {
  readonly directory: string
  readonly forwarder: Daemon
  readonly endpoint: string
  /** Gives the forwarder lines. */
  feed (lines: string[]): void
}

/** A forwarder that publishes, with the journal `all`, what it is fed. */
export async function startForwarder (t: Test): Promise<Pipeline> {
  const directory = shortDirectory(t)
  const input = join(directory, 'input.log')
  const endpoint = `tcp://127.0.0.1:${await stablePort()}`
  writeFileSync(input, '')
  const forwarder = await startReady(t, 'forwarder', '--state', directory, '--name', 'a', '--input', `file://${input}?follow=true&poll-interval=20`, '--output', `${endpoint}?journal=all`)
  return { directory, forwarder, endpoint, feed: lines => { appendFileSync(input, lines.map(line => `${line}\n`).join('')) } }
}
