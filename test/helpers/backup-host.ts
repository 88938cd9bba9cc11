import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import type { Test } from 'tap'
import { backedUp } from '../../lib/backup/layout.js'
import { readManifest } from '../../lib/backup/manifest-file.js'
import type { Manifest } from '../../lib/backup/manifest.js'
import type { RunReport } from '../../lib/backup/report.js'
import { executable } from './daemon.js'
import { findProgram } from './programs.js'
import { needsMariadb, type Mariadb } from './mariadb.js'
import { shortDirectory } from './streams.js'

/** What a test of backups says when it is skipped. */
export const needsForBackups = needsMariadb !== false ? needsMariadb : findProgram('rsync') === undefined ? 'needs rsync: Debian package rsync' : findProgram('mariadb-dump') === undefined ? 'needs mariadb-dump: Debian package mariadb-client' : false

export const dayMs = 86_400_000

/** Of all that a test asks: midnight may come while it runs. */
const nowMs = Date.now()

export interface Ran {
  readonly code: number | string
  readonly text: string
  readonly errors: string
}

/** A host with logs, a database, a staging area and two destinations. */
export interface BackupHost {
  readonly directory: string
  readonly database: string
  readonly to: string
  /** Directories, of which the second is reached as another host is: by ssh. */
  readonly destinations: readonly string[]
  /** Puts a shell script in the place of a program. */
  replace (program: string, script: string): void
  /** Changes the configuration. */
  configure (change: object): void
  /** Writes a log, compressed if its name says so, that was written to last so many hours ago. */
  log (name: string, content: string, ageHours?: number): string
  query (sql: string): Promise<ReadonlyArray<Record<string, unknown>>>
  /** `vanadium backup run`. */
  run (...args: string[]): Promise<Ran>
  /** The same, by another user. */
  runAs (uid: number, ...args: string[]): Promise<Ran>
  /** The report of a run that must end with this. */
  must (code: number, ...args: string[]): Promise<RunReport>
  /** Begins one. */
  start (...args: string[]): ChildProcess
  /** Paths in the staging area, or another copy of it, of dumps and of copies of files. */
  paths (folder: 'files' | 'tables', at?: string): string[]
  manifest (path: string, at?: string): Manifest
  /** What a file of the backup has, decompressed. */
  content (path: string, at?: string): string
}

/** `registry` in JSON. */
export async function backupHost (t: Test, mariadb: Mariadb, registry: object = {}): Promise<BackupHost> {
  const directory = shortDirectory(t)
  const database = await mariadb.database()
  const [logs, to, near, far] = ['log', 'to', 'near', 'far'].map(name => join(directory, name)) as [string, string, string, string]
  for (const path of [logs, near, far]) mkdirSync(path)
  // a pattern that nothing is like is a mistake
  writeFileSync(join(logs, 'empty.log'), '')
  writeFileSync(join(directory, 'registry.yaml'), JSON.stringify(registry))
  writeFileSync(join(directory, 'backup.cnf'), '[client]\nuser = root\n', { mode: 0o600 })
  // what a shell on the other host would do
  const ssh = join(directory, 'ssh')
  writeFileSync(ssh, '#!/bin/sh\nshift\nexec sh -c "$*"\n', { mode: 0o755 })
  const programs = join(directory, 'bin')
  mkdirSync(programs)
  const env = { ...process.env, RSYNC_RSH: ssh, PATH: `${programs}:${process.env['PATH'] ?? ''}` }
  const file = join(directory, 'backup.yaml')
  const base = {
    files: [`${logs}/*.log*`],
    tables: `mysql://127.0.0.1:${mariadb.port}/${database}?defaults-file=${join(directory, 'backup.cnf')}`,
    destinations: [near, { rsync: `other.example.org:${far}` }],
    to
  }
  writeFileSync(file, JSON.stringify(base))
  const command = (args: readonly string[]): string[] => [executable, 'backup', 'run', '--config', file, '--registry', join(directory, 'registry.yaml'), '--state', join(directory, 'state'), ...args]

  async function execute ([program = '', ...args]: readonly string[]): Promise<Ran> {
    return await new Promise(resolve => {
      execFile(program, args, { env, maxBuffer: 1 << 26 }, (error, text, errors) => { resolve({ code: error === null ? 0 : error.code ?? 'killed', text, errors }) })
    })
  }

  const run: BackupHost['run'] = async (...args) => await execute([process.execPath, ...command(args)])

  return {
    directory,
    database,
    to,
    destinations: [near, far],
    replace (program, script) { writeFileSync(join(programs, program), `#!/bin/bash\n${script}\n`, { mode: 0o755 }) },
    configure (change) { writeFileSync(file, JSON.stringify({ ...base, ...change })) },
    log (name, content, ageHours = 2) {
      const path = join(logs, name)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, name.endsWith('.gz') ? gzipSync(content) : content)
      const seconds = Date.now() / 1000 - ageHours * 3600
      utimesSync(path, seconds, seconds)
      return path
    },
    query: async sql => await mariadb.query(sql, database),
    run,
    // what tap would have each process write, another user may not
    runAs: async (uid, ...args) => await execute(['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', 'env', '--unset=NODE_OPTIONS', process.execPath, ...command(args)]),
    async must (code, ...args) {
      const ran = await run('--json', ...args)
      if (ran.code !== code) throw new Error(`backup run ended with ${ran.code}: ${ran.text}${ran.errors}`)
      return JSON.parse(ran.text) as RunReport
    },
    start: (...args) => spawn(process.execPath, command(args), { env, stdio: ['ignore', 'pipe', 'inherit'] }),
    paths: (folder, at = to) => backedUp(at, folder).filter(path => !path.endsWith('/schema.sql')),
    manifest (path, at = to) {
      const manifest = readManifest(join(at, path))
      if (manifest === null) throw new Error(`${path} has no manifest`)
      return manifest
    },
    content (path, at = to) {
      const bytes = readFileSync(join(at, path))
      return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()
    }
  }
}

/** An event as a JSON log has it, with a newline. */
export function eventLine (ms: number, n: number, schema = 'Edit'): string {
  return `${JSON.stringify({ event: { n }, schema, revision: 1, timestamp: Math.floor(ms / 1000), wiki: 'enwiki', recvFrom: 'cp1', uuid: uuidOf(n) })}\n`
}

export function uuidOf (n: number): string {
  return n.toString(16).padStart(32, '0')
}

/** The table of such events. */
export const editTable = `CREATE TABLE Edit_1 (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, uuid CHAR(32) NULL, timestamp CHAR(14) NULL, wiki VARCHAR(64) NULL, event_n BIGINT NULL, event_text MEDIUMTEXT NULL,
  UNIQUE KEY uuid (uuid), KEY timestamp (timestamp)) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT='Edit/1'`

/** Rows `from` to `to` of it, one a second from that time on. */
export function insertRows (from: number, to: number, ms: number, table = 'Edit_1'): string {
  const rows = Array.from({ length: to - from }, (_, at) => `('${uuidOf(from + at)}', '${mediawiki(ms + at * 1000)}', 'enwiki', ${from + at}, 'text ''${from + at}')`)
  return `INSERT INTO ${table} (uuid, timestamp, wiki, event_n, event_text) VALUES ${rows.join(', ')}`
}

export function mediawiki (ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace(/[-T:]/g, '')
}

/** `2026-11-26`, so many days ago, and its noon. */
export function dayAgo (days: number): { readonly day: string, readonly ms: number } {
  const day = new Date(nowMs - days * dayMs).toISOString().slice(0, 10)
  return { day, ms: Date.parse(`${day}T12:00:00Z`) }
}

/** Restores a dump into a database, as an operator does. */
export function restore (mariadb: Mariadb, database: string, ...files: string[]): void {
  for (const file of files) {
    const sql = file.endsWith('.gz') ? gunzipSync(readFileSync(file)) : readFileSync(file)
    const { status, stderr } = spawnSync('mariadb', ['--no-defaults', '--user=root', `--socket=${mariadb.socket}`, database], { input: sql, encoding: 'utf8' })
    if (status !== 0) throw new Error(`mariadb ended with ${status}: ${stderr}`)
  }
}

/** Lines of a log, one a minute. */
export function linesFrom (from: number, to: number, ms: number): string {
  return Array.from({ length: to - from }, (_, at) => eventLine(ms + at * 60_000, from + at)).join('')
}

/** What the backup has of files, by name; the same in each of its copies. */
export function copies (t: Test, host: BackupHost): Record<string, string> {
  const [here, ...others] = [host.to, ...host.destinations].map(at => Object.fromEntries(host.paths('files', at).map(path => [basename(path), host.content(path, at)])))
  for (const other of others) t.strictSame(other, here)
  return here ?? {}
}

/** A host that backs up no tables, unless `change` says so. */
export async function fileHost (t: Test, mariadb: Mariadb, change: object = {}, registry: object = {}): Promise<BackupHost> {
  const host = await backupHost(t, mariadb, registry)
  host.configure({ tables: null, ...change })
  return host
}

/** With these statements done; `path` is that of a dump. */
export async function tableHost (t: Test, mariadb: Mariadb, registry: object, ...statements: string[]): Promise<BackupHost & { path (days: number, table?: string): string, count (table?: string): Promise<number> }> {
  const host = await backupHost(t, mariadb, registry)
  for (const statement of statements) await host.query(statement)
  return {
    ...host,
    path: (days, table = 'Edit_1') => `tables/${host.database}/${table}/${dayAgo(days).day}.sql.gz`,
    count: async (table = 'Edit_1') => Number((await host.query(`SELECT COUNT(*) AS n FROM ${table}`))[0]?.['n'])
  }
}
