import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findProgram, startProgram } from './programs.js'
import { until } from './wait.js'

const run = promisify(execFile)
const server = findProgram('icinga2')
const library = '/usr/share/icinga2/include'

/** What a test says when it is skipped for lack of Icinga. */
export const needsIcinga = server === undefined || !existsSync(join(library, 'itl')) || !existsSync('/usr/lib/nagios/plugins/check_dummy')
  ? 'needs Icinga: Debian packages icinga2-bin, icinga2-common and monitoring-plugins-basic'
  : false

/** An Icinga 2 of the test's own. */
export interface Icinga {
  /** What it logged, notifications included. */
  log (): Promise<string>
  stop (): Promise<void>
}

export interface IcingaOptions {
  /** Files that are included, in this order. */
  readonly include: readonly string[]
  /** Text of a configuration file that comes before them: constants, hosts. */
  readonly before?: string
  /** In front of PATH. */
  readonly path?: string
}

/** Resolves with what `icinga2 daemon -C` prints; throws it if the configuration does not pass. */
export async function checkIcinga (options: IcingaOptions): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'icinga-'))
  try {
    const args = await argumentsOf(directory, options)
    const { stdout } = await run(program(), ['daemon', '-C', ...args]).catch((error: unknown) => {
      const { stdout = '', stderr = '' } = error as { stdout?: string, stderr?: string }
      throw new Error(`icinga2 refuses the configuration: ${stdout}${stderr}`)
    })
    return stdout
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** Resolves when it schedules checks. */
export async function startIcinga (options: IcingaOptions): Promise<Icinga> {
  const directory = await mkdtemp(join(tmpdir(), 'icinga-'))
  const args = await argumentsOf(directory, options)
  const icinga = startProgram(program(), ['daemon', '--log-level', 'information', ...args], { detached: true, env: { ...process.env, PATH: `${options.path ?? ''}:${process.env['PATH'] ?? ''}` } })
  await until('Icinga has activated its objects', () => {
    icinga.mustRun()
    return icinga.printed().includes('Activated all objects')
  }, 60_000)

  return {
    log: async () => await readFile(join(directory, 'log', 'icinga2.log'), 'utf8').catch(() => icinga.printed()),
    async stop () {
      await icinga.stop()
      await rm(directory, { recursive: true, force: true, maxRetries: 5 })
    }
  }
}

function program (): string {
  if (server === undefined) throw new Error(String(needsIcinga))
  return server
}

async function argumentsOf (directory: string, { include, before = '' }: IcingaOptions): Promise<string[]> {
  for (const name of ['run', 'lib', 'cache', 'log', 'spool']) await mkdir(join(directory, name))
  const file = join(directory, 'icinga2.conf')
  await writeFile(file, `include <itl>
include <plugins>
object IcingaApplication "app" { }
object CheckerComponent "checker" { }
object NotificationComponent "notification" { }
object FileLogger "log" { severity = "information", path = "${directory}/log/icinga2.log" }
object Endpoint NodeName { }
object Zone ZoneName { endpoints = [ NodeName ] }
${before}
${include.map(path => `include "${path}"`).join('\n')}
`)
  const { username } = userInfo()
  const constants = {
    NodeName: 'test', ZoneName: 'test', PluginDir: '/usr/lib/nagios/plugins', RunAsUser: username, RunAsGroup: username,
    InitRunDir: `${directory}/run`, DataDir: `${directory}/lib`, CacheDir: `${directory}/cache`, LogDir: `${directory}/log`, SpoolDir: `${directory}/spool`
  }
  return ['-c', file, ...Object.entries(constants).flatMap(([name, value]) => ['-D', `${name}=${value}`])]
}
