import { appendFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { startDaemon, type Daemon } from '../helpers/daemon.js'
import type { Mariadb } from '../helpers/mariadb.js'
import { stablePort } from '../helpers/ports.js'
import { until } from '../helpers/wait.js'
import { lineFormat } from './lines.js'
import { daemons, type DaemonName, type Moment, type Strike, type Victim } from './schedule.js'

export interface ChainOptions {
  /** What the chain reads and writes, its state and its logs are in here. */
  readonly directory: string
  readonly server: Mariadb
  readonly database: string
  /** Is told what must not happen: a daemon that ends by itself, a log line of level error. */
  readonly fail: (problem: string) => void
}

/** Long enough for a kill to find something that was taken and not flushed. */
const flushSeconds = '0.5'

export async function makeChain (options: ChainOptions): Promise<Chain> {
  const inDirectory = (name: string): string => join(options.directory, name)
  const files = { lines: inDirectory('lines.log'), sqlite: inDirectory('events.sqlite'), file: inDirectory('events.json'), state: inDirectory('state'), logs: inDirectory('logs') }
  mkdirSync(files.logs)
  return new Chain(options, files, await commandsOf(files, `mysql://root@127.0.0.1:${options.server.port}/${options.database}`))
}

type Files = Readonly<Record<'lines' | 'sqlite' | 'file' | 'state' | 'logs', string>>
type Commands = Readonly<Record<DaemonName, readonly string[]>>

/** The whole pipeline on journaled streams, as real daemons with one state directory, and the database. */
export class Chain {
  readonly files: Files
  readonly kills = new Map<Victim, number>([...daemons, 'database' as const].map(victim => [victim, 0]))
  /** Who was killed and is not started again. */
  readonly down = new Set<Victim>()
  readonly #options: ChainOptions
  readonly #commands: Commands
  readonly #running = new Map<DaemonName, Daemon>()
  readonly #releases: Array<() => Promise<void>> = []
  readonly #leaveNone = (): void => { for (const { child } of this.#running.values()) child.kill('SIGKILL') }

  constructor (options: ChainOptions, files: Files, commands: Commands) {
    this.#options = options
    this.files = files
    this.#commands = commands
  }

  start (): void {
    process.once('exit', this.#leaveNone)
    for (const name of daemons) this.#begin(name)
  }

  /** Kills; waits for `back` while the victims are away; starts them again, and kills them once more if that is wanted. */
  async strike ({ victims, again }: Strike, back: () => Promise<void>): Promise<void> {
    await Promise.all(victims.map(async victim => { await this.#kill(victim) }))
    await back()
    await Promise.all(victims.map(async victim => { await this.#restart(victim) }))
    if (again === null) return
    for (const victim of victims) {
      await this.#reach(victim, again)
      await this.#kill(victim)
      await this.#restart(victim)
    }
  }

  /** Stops all in the order in which records flow; each must end with 0. */
  async stop (): Promise<void> {
    for (const name of daemons) {
      // one that was just started does not know the signal yet
      await this.#reach(name, 'ready')
      const daemon = this.#running.get(name)
      this.#running.delete(name)
      const how = await daemon?.stop()
      if (how !== 0) this.#options.fail(`${name} did not end with 0 when it was told to: ${how}`)
    }
  }

  /** Ends whatever is there. */
  async end (): Promise<void> {
    process.off('exit', this.#leaveNone)
    this.#running.clear()
    await Promise.all(this.#releases.map(async release => { await release() }))
  }

  #begin (name: DaemonName): void {
    const { fail } = this.#options
    const { state, logs } = this.files
    const owner = { testdirName: state, fail, teardown: (release: () => Promise<void>) => this.#releases.push(release) }
    const daemon = startDaemon(owner, ...this.#commands[name], '--name', name, '--state', state)
    this.#running.set(name, daemon)
    daemon.logged(({ level }) => level === 'error').then(line => { fail(`${name} logged an error: ${JSON.stringify(line)}`) }, () => { /* it never did */ })
    void daemon.ended.then(how => {
      appendFileSync(join(logs, `${name}.log`), daemon.log.map(line => `${JSON.stringify(line)}\n`).join('') + `ended: ${how}\n`)
      if (this.#running.get(name) === daemon) fail(`${name} ended by itself: ${how}, ${JSON.stringify(daemon.log.at(-1))}`)
    })
  }

  async #kill (victim: Victim): Promise<void> {
    this.kills.set(victim, (this.kills.get(victim) ?? 0) + 1)
    this.down.add(victim)
    if (victim === 'database') return await this.#options.server.kill()
    const daemon = this.#running.get(victim)
    this.#running.delete(victim)
    daemon?.child.kill('SIGKILL')
    await daemon?.ended
  }

  async #restart (victim: Victim): Promise<void> {
    if (victim === 'database') await this.#options.server.restart()
    else this.#begin(victim)
    this.down.delete(victim)
  }

  /** One that ends before is found by `#begin`. */
  async #reach (victim: Victim, moment: Moment): Promise<void> {
    const daemon = victim === 'database' ? undefined : this.#running.get(victim)
    if (daemon === undefined || moment === 'spawned') return
    await until(`${victim} ${moment}`, () => daemon.child.exitCode !== null || daemon.log.some(({ message }) => moment === 'speaks' || message === 'ready'), 60_000)
  }
}

/** The processor has a stream for valid events and one for invalid ones, which the second forwarder joins. */
async function commandsOf ({ lines, sqlite, file }: Files, store: string): Promise<Commands> {
  const stream = async (): Promise<string> => `tcp://127.0.0.1:${await stablePort()}`
  const [raw, valid, invalid, all] = [await stream(), await stream(), await stream(), await stream()]
  const consumer = (name: DaemonName, output: string): string[] => ['consumer', '--flush-interval', flushSeconds, '--input', `${all}?as=${name}`, '--output', output]
  return {
    raw: ['forwarder', '--count', '--input', `file://${lines}?follow=true&poll-interval=20`, '--output', `${raw}?journal=raw`],
    processor: ['processor', '--format', lineFormat, '--input', `${raw}?as=processor`, '--output', `${valid}?journal=valid`, '--invalid', `${invalid}?journal=invalid`],
    all: ['forwarder', '--input', `${valid}?as=all`, `${invalid}?as=all`, '--output', `${all}?journal=all`],
    mysql: consumer('mysql', store),
    sqlite: consumer('sqlite', `sqlite://${sqlite}`),
    file: consumer('file', `file://${file}`)
  }
}
