import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { stablePort } from './ports.js'
import { findProgram, startProgram, type Program } from './programs.js'
import { until } from './wait.js'

const run = promisify(execFile)
const carbon = findProgram('carbon-cache')
// Debian's own, for which the packages are: another one may come before it in PATH
const python = '/usr/bin/python3'

/** What a test says when it is skipped for lack of Graphite. */
export const needsGraphite = carbon === undefined || !existsSync('/usr/lib/python3/dist-packages/graphite')
  ? 'needs Graphite: Debian packages graphite-carbon and graphite-web'
  : false

/** One value of a metric; time in seconds since 1970. */
export type Point = readonly [metric: string, value: number, time: number]

/** carbon-cache and graphite-web of the test's own. */
export interface Graphite {
  /** Of graphite-web, with no slash at its end. */
  readonly url: string
  /** Carbon's plain-text port, on loopback: StatsD's `graphitePort`. */
  readonly carbonPort: number
  /** Hands points to carbon, also of times long ago. Use `untilMetric` or `series` to know that they are there. */
  write (points: Iterable<Point>): Promise<void>
  /** Values of a target, nulls left out, oldest first; none if there is no such metric. */
  series (target: string, window?: { from?: string, until?: string }): Promise<number[]>
  /** Resolves when graphite-web shows a value of the metric, with the latest one. */
  untilMetric (name: string, deadlineMs?: number): Promise<number>
  /** Ends graphite-web alone, and starts it again on the same port. */
  haltWeb (): Promise<void>
  restartWeb (): Promise<void>
  /** Ends both and removes what they wrote. */
  stop (): Promise<void>
}

export interface GraphiteOptions {
  /** Of all metrics, as in storage-schemas.conf; the first one must be StatsD's interval. */
  readonly retentions?: string
}

/**
 * Starts both. Unless said otherwise a point a second is kept for seven hours, and one a minute for fifteen days, to which also
 * a part of a minute counts.
 */
export async function startGraphite ({ retentions = '1s:7h,60s:15d' }: GraphiteOptions = {}): Promise<Graphite> {
  if (carbon === undefined) throw new Error(String(needsGraphite))
  const directory = await mkdtemp(join(tmpdir(), 'graphite-'))
  const [carbonPort, cachePort, picklePort, webPort] = [await stablePort(), await stablePort(), await stablePort(), await stablePort()]
  await writeSettings(directory, { carbonPort, cachePort, picklePort }, retentions)
  const env = { ...process.env, PYTHONPATH: directory, DJANGO_SETTINGS_MODULE: 'settings_run', GRAPHITE_SETTINGS_MODULE: 'local_settings', PYTHONWARNINGS: 'ignore' }
  const cache = startProgram(python, [carbon, '--nodaemon', `--config=${join(directory, 'carbon.conf')}`, `--pidfile=${join(directory, 'carbon.pid')}`, 'start'], { cwd: directory })
  const url = `http://127.0.0.1:${webPort}`
  // its database is for dashboards and the like: graphs do without it
  const [, first] = await Promise.all([run(python, ['-m', 'django', 'migrate', '--run-syncdb', '-v0'], { env }), startWeb()])
  let web = first
  await until('carbon listens', async () => {
    cache.mustRun()
    return await send(carbonPort, '').then(() => true, () => false)
  })

  async function startWeb (): Promise<Program> {
    const program = startProgram(python, ['-m', 'django', 'runserver', '--noreload', `127.0.0.1:${webPort}`], { env })
    await until('graphite-web answers', async () => {
      program.mustRun()
      return await fetch(`${url}/render?target=none&format=json`).then(({ ok }) => ok, () => false)
    }, 60_000)
    return program
  }

  async function series (target: string, { from = '-10min', until = 'now' }: { from?: string, until?: string } = {}): Promise<number[]> {
    const response = await fetch(`${url}/render?${new URLSearchParams({ target, from, until, format: 'json' }).toString()}`)
    const text = await response.text()
    if (!response.ok) throw new NotRendered(`graphite-web answers ${response.status}: ${text.replace(/<[^>]*>|\s+/g, ' ').slice(0, 500)}`)
    const [found] = JSON.parse(text) as Array<{ datapoints: Array<[number | null, number]> }>
    return (found?.datapoints ?? []).flatMap(([value]) => value ?? [])
  }

  return {
    url,
    carbonPort,
    series,
    async write (points) {
      await send(carbonPort, [...points].map(([metric, value, time]) => `${metric} ${value} ${Math.floor(time)}\n`).join(''))
    },
    async untilMetric (name, deadlineMs = 30_000) {
      let latest: number | undefined
      await until(`Graphite has ${name}`, async () => {
        // it cannot read a file that carbon is just making
        try {
          latest = (await series(name)).at(-1)
        } catch (error) {
          if (!(error instanceof NotRendered)) throw error
        }
        return latest !== undefined
      }, deadlineMs)
      return Number(latest)
    },
    haltWeb: async () => { await web.stop() },
    async restartWeb () { web = await startWeb() },
    async stop () {
      await Promise.all([web.stop(), cache.stop()])
      await rm(directory, { recursive: true, force: true, maxRetries: 5 })
    }
  }
}

class NotRendered extends Error {}

interface Ports {
  readonly carbonPort: number
  readonly cachePort: number
  readonly picklePort: number
}

async function writeSettings (directory: string, { carbonPort, cachePort, picklePort }: Ports, retentions: string): Promise<void> {
  const files: Record<string, string> = {
    'carbon.conf': `[cache]
STORAGE_DIR = ${directory}
LOCAL_DATA_DIR = ${directory}/whisper
CONF_DIR = ${directory}
LOG_DIR = ${directory}/log
PID_DIR = ${directory}
USER =
MAX_CACHE_SIZE = inf
MAX_UPDATES_PER_SECOND = inf
MAX_CREATES_PER_MINUTE = inf
LINE_RECEIVER_INTERFACE = 127.0.0.1
LINE_RECEIVER_PORT = ${carbonPort}
PICKLE_RECEIVER_INTERFACE = 127.0.0.1
PICKLE_RECEIVER_PORT = ${picklePort}
CACHE_QUERY_INTERFACE = 127.0.0.1
CACHE_QUERY_PORT = ${cachePort}
WHISPER_SPARSE_CREATE = True
WHISPER_FALLOCATE_CREATE = False
ENABLE_TAGS = False
`,
    'storage-schemas.conf': `[all]\npattern = .*\nretentions = ${retentions}\n`,
    'storage-aggregation.conf': '[count]\npattern = \\.count$\nxFilesFactor = 0\naggregationMethod = sum\n\n[all]\npattern = .*\nxFilesFactor = 0\naggregationMethod = average\n',
    'local_settings.py': `SECRET_KEY = 'test'
STORAGE_DIR = '${directory}'
WHISPER_DIR = '${directory}/whisper'
STANDARD_DIRS = [WHISPER_DIR]
LOG_DIR = '${directory}/log'
INDEX_FILE = '${directory}/index'
CARBONLINK_HOSTS = ['127.0.0.1:${cachePort}']
CARBONLINK_TIMEOUT = 10.0
TIME_ZONE = 'UTC'
ALLOWED_HOSTS = ['*']
TAGDB = ''
DATABASES = {'default': {'NAME': '${directory}/graphite.db', 'ENGINE': 'django.db.backends.sqlite3'}}
`,
    'settings_run.py': 'from graphite.settings import *\nfrom local_settings import *\n'
  }
  await mkdir(join(directory, 'whisper'))
  await mkdir(join(directory, 'log'))
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text)
}

async function send (port: number, text: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', reject)
    socket.on('close', () => { resolve() })
    socket.end(text)
    socket.resume()
  })
}
