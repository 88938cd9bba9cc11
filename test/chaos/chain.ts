import { appendFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { startDaemon, type Daemon, type Owner } from '../helpers/daemon.js'
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

/** The whole pipeline on journaled streams, as real daemons with one state directory, and the database. */
export interface Chain {
  readonly lines: string
  readonly sqlite: string
  readonly file: string
  readonly state: string
  readonly kills: ReadonlyMap<Victim, number>
  /** Who was killed and is not started again. */
  readonly down: ReadonlySet<Victim>
  start (): void
  /** Kills; waits for `back` while the victims are away; starts them again, and kills them once more if that is wanted. */
  strike (strike: Strike, back: () => Promise<void>): Promise<void>
  /** Stops all in the order in which records flow; each must end with 0. */
  stop (): Promise<void>
  /** Ends whatever is there. */
  end (): Promise<void>
}

/** Long enough for a kill to find something that was taken and not flushed. */
const flushSeconds = '0.5'

export async function makeChain ({ directory, server, database, fail }: ChainOptions): Promise<Chain> {
  const [lines, sqlite, file, state, logs] = ['lines.log', 'events.sqlite', 'events.json', 'state', 'logs'].map(name => join(directory, name)) as [string, string, string, string, string]
  mkdirSync(logs)
  const commands = await commandsOf({ lines, sqlite, file, store: `mysql://root@127.0.0.1:${server.port}/${database}` })
  const running = new Map<DaemonName, Daemon>()
  const kills = new Map<Victim, number>([...daemons, 'database' as const].map(victim => [victim, 0]))
  const down = new Set<Victim>()
  const releases: Array<() => Promise<void>> = []
  const owner: Owner = { testdirName: state, fail, teardown: release => releases.push(release) }

  const leaveNone = (): void => { for (const { child } of running.values()) child.kill('SIGKILL') }
  process.once('exit', leaveNone)

  function begin (name: DaemonName): void {
    const daemon = startDaemon(owner, ...commands[name], '--name', name, '--state', state)
    running.set(name, daemon)
    daemon.logged(({ level }) => level === 'error').then(line => { fail(`${name} logged an error: ${JSON.stringify(line)}`) }, () => { /* it never did */ })
    void daemon.ended.then(how => {
      appendFileSync(join(logs, `${name}.log`), daemon.log.map(line => `${JSON.stringify(line)}\n`).join('') + `ended: ${how}\n`)
      if (running.get(name) === daemon) fail(`${name} ended by itself: ${how}, ${JSON.stringify(daemon.log.at(-1))}`)
    })
  }

  async function kill (victim: Victim): Promise<void> {
    kills.set(victim, (kills.get(victim) ?? 0) + 1)
    down.add(victim)
    if (victim === 'database') return await server.kill()
    const daemon = running.get(victim)
    running.delete(victim)
    daemon?.child.kill('SIGKILL')
    await daemon?.ended
  }

  async function restart (victim: Victim): Promise<void> {
    if (victim === 'database') await server.restart()
    else begin(victim)
    down.delete(victim)
  }

  /** A daemon that ends before is found by `begin`. */
  async function reach (victim: Victim, moment: Moment): Promise<void> {
    const daemon = victim === 'database' ? undefined : running.get(victim)
    if (daemon === undefined || moment === 'spawned') return
    await until(`${victim} ${moment}`, () => daemon.child.exitCode !== null || daemon.log.some(({ message }) => moment === 'speaks' || message === 'ready'))
  }

  return {
    lines, sqlite, file, state, kills, down,
    start () { for (const name of daemons) begin(name) },
    async strike ({ victims, again }, back) {
      await Promise.all(victims.map(kill))
      await back()
      await Promise.all(victims.map(restart))
      if (again === null) return
      for (const victim of victims) {
        await reach(victim, again)
        await kill(victim)
        await restart(victim)
      }
    },
    async stop () {
      for (const name of daemons) {
        // one that was just started does not know the signal yet
        await reach(name, 'ready')
        const daemon = running.get(name)
        running.delete(name)
        const how = await daemon?.stop()
        if (how !== 0) fail(`${name} did not end with 0 when it was told to: ${how}`)
      }
    },
    async end () {
      process.off('exit', leaveNone)
      running.clear()
      await Promise.all(releases.map(async release => { await release() }))
    }
  }
}

/** The processor has a stream for valid events and one for invalid ones, which the second forwarder joins. */
async function commandsOf ({ lines, sqlite, file, store }: Record<'lines' | 'sqlite' | 'file' | 'store', string>): Promise<Record<DaemonName, string[]>> {
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
