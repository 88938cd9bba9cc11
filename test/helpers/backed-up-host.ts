import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Test } from 'tap'
import { uuidOfCapsule } from '../../lib/event/uuid.js'
import type { Finding } from '../../tools/backup/verify/finding.js'
import { executable, startDaemon } from './daemon.js'
import { startMariadb, type Mariadb } from './mariadb.js'
import { freePort } from './ports.js'
import { shortDirectory } from './streams.js'
import { until } from './wait.js'

export const needsRsync = existsSync('/usr/bin/rsync') ? false : 'needs rsync: Debian package rsync'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
/** Of all that a test asks: midnight may come while it runs. */
const nowMs = Date.now()

export interface Output {
  readonly code: number | string
  readonly text: string
  readonly errors: string
}

/** A host with logs, archives, tables and backups of them: at a directory, and behind an rsync daemon. */
export interface BackedUpHost {
  readonly mariadb: Mariadb
  readonly database: string
  readonly directory: string
  readonly config: string
  readonly state: string
  /** Below `log`. */
  log (name: string): string
  /** Below the staging area, the directory of the destination, and what the rsync daemon has. */
  staged (path: string): string
  copied (path: string): string
  remote (path: string): string
  /** As findings call it. */
  readonly remoteName: string
  readonly databaseName: string
  /** Of so many events of a schema, one a minute from `ms` on: lines of a JSON log. */
  lines (schema: string, ms: number, count: number): string[]
  /** Puts lines into logs, by their names, and, by a consumer, into the tables. */
  store (logs: Readonly<Record<string, readonly string[]>>): Promise<void>
  writeLog (name: string, lines: readonly string[]): void
  vanadium (...args: string[]): Promise<Output>
  backup (...args: string[]): Promise<Output>
  /** What `vanadium backup verify` finds. */
  verify (...args: string[]): Promise<{ readonly code: number | string, readonly findings: readonly Finding[], readonly outcome: string, readonly failures: readonly string[] }>
}

const schemas = { Edit: { properties: { n: { type: 'integer', required: true }, text: { type: 'string' } } }, Click: { properties: { n: { type: 'integer' } } } }

/** `registry` in JSON. Both schemas have revision 1. */
export async function backedUpHost (t: Test, registry: object = {}): Promise<BackedUpHost> {
  const directory = shortDirectory(t)
  const [logs, to, disk, far, state, schemaDirectory] = ['log', 'to', 'disk', 'far', 'state', 'schemas'].map(name => join(directory, name)) as [string, string, string, string, string, string]
  for (const path of [logs, disk, far, state]) mkdirSync(path)
  for (const [name, definition] of Object.entries(schemas)) {
    mkdirSync(join(schemaDirectory, name), { recursive: true })
    writeFileSync(join(schemaDirectory, name, '1.json'), JSON.stringify(definition))
  }
  writeFileSync(join(directory, 'registry.yaml'), JSON.stringify(registry))
  const mariadb = await startMariadb()
  t.teardown(mariadb.stop)
  const database = await mariadb.database()
  const databaseName = `mysql://root@127.0.0.1:${mariadb.port}/${database}`
  const remoteName = await rsyncDaemon(t, directory, far)
  const config = join(directory, 'backup.yaml')
  writeFileSync(config, JSON.stringify({ files: [join(logs, '*.log*')], tables: databaseName, destinations: [disk, { rsync: remoteName }], to }))
  const common = ['--registry', join(directory, 'registry.yaml'), '--state', state]
  let numbers = 0

  const vanadium: BackedUpHost['vanadium'] = async (...args) => await new Promise(resolve => {
    execFile(process.execPath, [executable, ...args], { maxBuffer: 1 << 27 }, (error, text, errors) => { resolve({ code: error === null ? 0 : error.code ?? 'killed', text, errors }) })
  })
  const writeLog: BackedUpHost['writeLog'] = (name, lines) => {
    const text = lines.map(line => `${line}\n`).join('')
    writeFileSync(join(logs, name), name.endsWith('.gz') ? gzipSync(text) : text)
    const seconds = (Date.now() - hourMs) / 1000
    utimesSync(join(logs, name), seconds, seconds)
  }
  const backup: BackedUpHost['backup'] = async (command = '', ...args) => await vanadium('backup', command, '--config', config, ...common, ...command === 'verify' ? [] : ['--schemas', schemaDirectory], ...args)
  return {
    mariadb,
    database,
    directory,
    config,
    state,
    log: name => join(logs, name),
    staged: path => join(to, path),
    copied: path => join(disk, path),
    remote: path => join(far, path),
    remoteName,
    databaseName,
    lines: (schema, ms, count) => Array.from({ length: count }, (_, at) => {
      const received = { recvFrom: 'cp1', seqId: ++numbers, timestamp: Math.floor((ms + at * 60_000) / 1000) }
      return JSON.stringify({ event: { n: at, ...schema === 'Edit' ? { text: `text of ${at}` } : {} }, schema, revision: 1, wiki: 'enwiki', ...received, uuid: uuidOfCapsule(received) })
    }),
    writeLog,
    async store (logs) {
      for (const [name, lines] of Object.entries(logs)) writeLog(name, lines)
      const input = join(directory, 'input')
      writeFileSync(input, Object.values(logs).flat().map(line => `${line}\n`).join(''))
      const consumer = startDaemon(t, 'consumer', '--name', 'fill', '--state', join(directory, `fill-${numbers}`), '--schemas', schemaDirectory, '--input', `file://${input}`, '--output', databaseName)
      if (await consumer.ended !== 0) throw new Error(`the consumer failed: ${JSON.stringify(consumer.log)}`)
    },
    vanadium,
    backup,
    async verify (...args) {
      const { code, text, errors } = await backup('verify', '--json', ...args)
      if (text === '') throw new Error(`verify printed nothing: ${errors}`)
      return { code, ...JSON.parse(text) as { findings: Finding[], outcome: string, failures: string[] } }
    }
  }
}

export interface FilledHost {
  readonly host: BackedUpHost
  /** Of the archive that is compressed, and of that which is not: its name, and its lines. */
  readonly gz: string
  readonly plain: string
  readonly lines: { readonly gz: readonly string[], readonly plain: readonly string[] }
  /** The first hour of each, as manifests have it. */
  readonly hour: { readonly gz: string, readonly plain: string }
}

/** With three days of events in two archives and a log, of two schemas, 180 events each; and a backup. */
export async function filledHost (t: Test, registry: object = {}): Promise<FilledHost> {
  const host = await backedUpHost(t, registry)
  const day = (ago: number): string[] => [...host.lines('Edit', hourOfDay(ago, 10), 120), ...host.lines('Click', hourOfDay(ago, 11), 60)]
  const [old, middle, young] = [day(3), day(2), day(1)]
  const name = (ago: number): string => `all.log-${hourText(hourOfDay(ago, 0)).slice(0, 10).replaceAll('-', '')}`
  const [gz, plain] = [`${name(2)}.gz`, name(1)]
  await host.store({ [gz]: old, [plain]: middle, 'all.log': young })
  const { code, text, errors } = await host.backup('run')
  if (code !== 0) throw new Error(`the backup failed: ${text}${errors}`)
  return { host, gz, plain, lines: { gz: old, plain: middle }, hour: { gz: hourText(hourOfDay(3, 10)), plain: hourText(hourOfDay(2, 10)) } }
}

/** As manifests have it. */
export function hourText (ms: number): string {
  return new Date(ms).toISOString().slice(0, 13)
}

/** Milliseconds since 1970 of the beginning of an hour, so many days ago. */
export function hourOfDay (daysAgo: number, hour: number): number {
  return Math.floor(nowMs / dayMs) * dayMs - daysAgo * dayMs + hour * hourMs
}

/** Serves a directory; returns how rsync calls it. Ends with the test. */
async function rsyncDaemon (t: Test, directory: string, served: string): Promise<string> {
  const port = await freePort()
  const file = join(directory, 'rsyncd.conf')
  writeFileSync(file, `use chroot = no\nuid = ${process.getuid?.() ?? 0}\ngid = ${process.getgid?.() ?? 0}\nlock file = ${join(directory, 'rsyncd.lock')}\n[backup]\n  path = ${served}\n  read only = no\n`)
  const child = spawn('rsync', ['--daemon', '--no-detach', `--config=${file}`, `--port=${port}`, '--address=127.0.0.1'], { stdio: 'ignore' })
  t.teardown(async () => {
    const gone = once(child, 'exit')
    if (child.exitCode === null && child.kill('SIGTERM')) await gone
  })
  await until('rsync answers', async () => await answers(port))
  return `rsync://127.0.0.1:${port}/backup`
}

async function answers (port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
