import { execFile } from 'node:child_process'
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { Test } from 'tap'
import { executable, startDaemon } from './daemon.js'
import { stablePort } from './ports.js'
import { projectRoot } from './shared.js'
import { shortDirectory } from './streams.js'
import { until } from './wait.js'

/** A pipeline of real daemons that is run at several times, all of them in the past. */
export interface History {
  readonly state: string
  /** Valid events and event errors, one JSON a line. */
  readonly eventLog: string
  readonly rawLog: string
  readonly database: string
  /** Runs all daemons at that time, gives them the lines, and stops them when everything is stored and counted. */
  live (timeMs: number, lines: readonly string[]): Promise<void>
  /** Runs a command at that time. */
  command (timeMs: number, ...args: string[]): Promise<{ code: number, out: string, log: string }>
}

const shiftedClock = join(projectRoot, 'dist', 'test', 'fixtures', 'shifted-clock.js')

/** What starts within `start` has that time; as the environment is inherited, nothing else may start meanwhile. */
export function at<T> (timeMs: number, start: () => T): T {
  const { NODE_OPTIONS: before } = process.env
  process.env['NODE_OPTIONS'] = `${before ?? ''} --import=file://${shiftedClock}`
  process.env['TEST_CLOCK_OFFSET_MS'] = String(timeMs - Date.now())
  try {
    return start()
  } finally {
    if (before === undefined) delete process.env['NODE_OPTIONS']
    else process.env['NODE_OPTIONS'] = before
  }
}

export async function openHistory (t: Test, schemas: string): Promise<History> {
  const directory = shortDirectory(t)
  const [input, eventLog, rawLog, database, state] = ['input.log', 'all-events.log', 'raw.log', 'events.sqlite', 'state'].map(name => join(directory, name)) as [string, string, string, string, string]
  const [raw, events] = [`tcp://127.0.0.1:${await stablePort()}`, `tcp://127.0.0.1:${await stablePort()}`]
  const daemons = [
    ['forwarder', '--input', `file://${input}?follow=true&poll-interval=20`, '--output', `${raw}?journal=raw&subscribers=processor,raw-log,monitor`],
    ['processor', '--format', '%{recvFrom}s %{seqId}d %t %j', '--input', `${raw}?as=processor`, '--output', `${events}?journal=events&subscribers=sqlite,log,monitor`, '--invalid', `${events}?journal=events&subscribers=sqlite,log,monitor`],
    ['consumer', '--name', 'sqlite', '--input', `${events}?as=sqlite`, '--output', `sqlite://${database}`],
    ['consumer', '--name', 'log', '--input', `${events}?as=log`, '--output', `file://${eventLog}`],
    ['consumer', '--name', 'raw-log', '--input', `${raw}?as=raw-log`, '--output', `file://${rawLog}`],
    ['monitor', '--statsd', '127.0.0.1:8125', '--input', `all=${raw}?as=monitor`, `all=${events}?as=monitor`]
  ]
  let written = 0
  writeFileSync(input, '')

  return {
    state,
    eventLog,
    rawLog,
    database,
    async live (timeMs, lines) {
      const running = at(timeMs, () => daemons.map(args => startDaemon(t, ...args, '--state', state, '--schemas', schemas, '--flush-interval', '0.1', '--log-level', 'info')))
      appendFileSync(input, lines.map(line => `${line}\n`).join(''))
      written += lines.length
      await until('the log has everything', () => linesIn(eventLog) === written && linesIn(rawLog) === written, 60_000)
      await until('everything is inserted and counted', () => rowsIn(database) === written && countedIn(join(state, 'monitor-monitor.sqlite')) === 2 * written, 60_000)
      for (const daemon of [...running].reverse()) t.equal(await daemon.stop(), 0, daemon.child.spawnargs.slice(2, 4).join(' '))
    },
    async command (timeMs, ...args) {
      return await at(timeMs, async () => await new Promise(resolve => {
        execFile(process.execPath, [executable, ...args, '--state', state], { maxBuffer: 64 << 20 }, (error, out, log) => { resolve({ code: error === null ? 0 : Number(error.code), out, log }) })
      }))
    }
  }
}

function linesIn (file: string): number {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0
}

/** Rows of all tables of events. */
function rowsIn (database: string): number {
  return query(database, db => {
    const tables = db.prepare<[], { name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB '*_[0-9]*'").all()
    return tables.reduce((sum, { name }) => sum + (db.prepare<[], { n: number }>(`SELECT count(*) AS n FROM "${name}"`).get()?.n ?? 0), 0)
  })
}

function countedIn (state: string): number {
  return query(state, db => db.prepare<[], { n: number }>('SELECT (SELECT total(valid + invalid) FROM schema_count) + (SELECT total(raw) FROM raw_count) AS n').get()?.n ?? 0)
}

/** 0 while it is not there. */
function query (file: string, ask: (db: Database.Database) => number): number {
  try {
    const db = new Database(file, { readonly: true })
    try {
      return ask(db)
    } finally {
      db.close()
    }
  } catch {
    return 0
  }
}
