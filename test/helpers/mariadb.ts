import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import mysql, { type TypeCast } from 'mysql2/promise'

const run = promisify(execFile)
const server = find('mariadbd')
const installer = find('mariadb-install-db')

/** What a test says when it is skipped for lack of MariaDB. */
export const needsMariadb = server === undefined || installer === undefined ? 'needs MariaDB: Debian package mariadb-server' : false

export type Row = Record<string, unknown>

/** A MariaDB server of the test's own; its root has no password. */
export interface Mariadb {
  readonly port: number
  readonly socket: string
  /** Makes an empty database and returns its name. */
  database (): Promise<string>
  /** Integers beyond 2^53 come as text, dates as the server writes them. */
  query (sql: string, database?: string): Promise<Row[]>
  /** Ends the server like a power cut does: SIGKILL. Resolves when it is gone; the data stay. */
  kill (): Promise<void>
  /** Ends the server in an orderly way; the data stay. */
  halt (): Promise<void>
  /** Starts it again, on the same port and data. */
  restart (): Promise<void>
  /** Ends the server and removes its data. */
  stop (): Promise<void>
}

/** `within` begins the command: what becomes, somewhere else, what stands behind it. */
export async function startMariadb (args: readonly string[] = [], within: readonly string[] = []): Promise<Mariadb> {
  if (server === undefined || installer === undefined) throw new Error(String(needsMariadb))
  const directory = await mkdtemp(join(tmpdir(), 'mariadb-'))
  const { username } = userInfo()
  // not the one of all: a server that starts removes what another has there
  const temporary = `--tmpdir=${directory}`
  await run(installer, ['--no-defaults', temporary, '--auth-root-authentication-method=normal', '--skip-test-db', `--datadir=${directory}`, `--user=${username}`])
  const socket = join(directory, 's.sock')
  const port = await freePort()
  const command = [...within, server, '--no-defaults', temporary, `--user=${username}`, `--datadir=${directory}`, `--socket=${socket}`, `--port=${port}`,
    '--bind-address=127.0.0.1', '--local-infile=1', '--innodb-buffer-pool-size=64M', ...args]
  let child = await launch(command)

  async function end (signal: NodeJS.Signals): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill(signal)
    await gone
  }

  async function query (sql: string, database?: string): Promise<Row[]> {
    const connection = await mysql.createConnection({ socketPath: socket, user: 'root', database, charset: 'utf8mb4', supportBigNumbers: true, dateStrings: true, typeCast })
    try {
      const [rows] = await connection.query(sql)
      return Array.isArray(rows) ? rows as Row[] : []
    } finally {
      await connection.end()
    }
  }

  return {
    port,
    socket,
    query,
    async database () {
      const name = `test_${randomBytes(6).toString('hex')}`
      await query(`CREATE DATABASE ${name}`)
      return name
    },
    kill: async () => { await end('SIGKILL') },
    halt: async () => { await end('SIGTERM') },
    async restart () { child = await launch(command) },
    async stop () {
      await end('SIGKILL')
      await rm(directory, { recursive: true })
    }
  }
}

/** What mysql2 makes of the digits of a double differs in the last one now and then. */
const typeCast: TypeCast = (field, next) => {
  if (field.type !== 'DOUBLE') return next()
  const digits = field.string()
  return digits === null ? null : Number(digits)
}

/** Resolves when the server takes connections; throws what it printed when it does not start. */
async function launch ([path = '', ...args]: readonly string[]): Promise<ChildProcess> {
  const child = spawn(path, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const killWithParent = (): void => { child.kill('SIGKILL') }
  process.once('exit', killWithParent)
  child.once('exit', () => { process.off('exit', killWithParent) })
  const printed: string[] = []
  const lines = createInterface(child.stderr)
  await new Promise<void>((resolve, reject) => {
    lines.on('line', line => {
      printed.push(line)
      if (line.includes('ready for connections')) resolve()
    })
    child.once('error', reject)
    child.once('exit', () => { reject(new Error(`mariadbd did not start: ${printed.join('\n')}`)) })
  })
  return child
}

/** Below the range from which the kernel gives ports to others. */
async function freePort (): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_000)
    const probe = createServer()
    try {
      probe.listen(port, '127.0.0.1')
      await once(probe, 'listening')
      return port
    } catch {
      // taken: try another
    } finally {
      probe.close()
    }
  }
}

function find (name: string): string | undefined {
  const directories = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/local/sbin']
  return directories.map(directory => join(directory, name)).find(path => existsSync(path))
}
