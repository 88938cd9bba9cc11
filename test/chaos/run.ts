import { execFile } from 'node:child_process'
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../../lib/errors.js'
import { executable } from '../helpers/daemon.js'
import { startMariadb, type Mariadb } from '../helpers/mariadb.js'
import { until } from '../helpers/wait.js'
import { isGood, judge, type Arrivals, type Verdict } from './books.js'
import { makeChain, type Chain } from './chain.js'
import { line } from './lines.js'
import { makeSchedule, type Gauge, type ScheduleOptions, type Victim } from './schedule.js'
import { fileSink, mysqlSink, sqliteSink, type Sink } from './sinks.js'

export interface ChaosOptions extends ScheduleOptions {
  /** A run that takes longer has failed. */
  readonly minutes: number
}

export const sinkNames = ['mysql', 'sqlite', 'file'] as const
export type SinkName = typeof sinkNames[number]

export interface Progress {
  readonly counts: Readonly<Record<Gauge, number>>
  readonly kills: ReadonlyMap<Victim, number>
  readonly down: ReadonlySet<Victim>
}

export interface Outcome {
  readonly sent: number
  /** Of the sinks that could be read. */
  readonly verdicts: ReadonlyMap<SinkName, Verdict>
  readonly kills: ReadonlyMap<Victim, number>
  /** What went wrong besides. */
  readonly problems: readonly string[]
  /** Where everything is that may tell why; null after a good run, which leaves nothing behind. */
  readonly directory: string | null
}

/** Lines that the slowest sink may be behind: what is killed is killed in the middle of its work, not after all was read. */
const mostAhead = 8000
/** Lines that are sent together. */
const portion = 400
/** Of them, bytes that come with the next ones: a line is often not there as a whole. */
const heldBytes = 20
const lookMs = 20
/** When nothing has arrived for so long, nothing will. */
const patienceMs = 60_000
const mostProblems = 20

/** One run, with a MariaDB of its own. `tell` is called at each look, some fifty times a second. */
export async function runChaos (options: ChaosOptions, tell: (progress: Progress) => void = () => {}): Promise<Outcome> {
  const directory = mkdtempSync(join(tmpdir(), 'vanadium-chaos-'))
  const server = await startMariadb()
  try {
    const outcome = await new Run(options, directory, server, tell).outcome()
    if (outcome.directory === null) rmSync(directory, { recursive: true })
    return outcome
  } finally {
    await server.stop()
  }
}

class Run {
  readonly #options: ChaosOptions
  readonly #directory: string
  readonly #server: Mariadb
  readonly #tell: (progress: Progress) => void
  readonly #problems: string[] = []
  readonly #deadline: number
  readonly #counts: Record<Gauge, number> = { sent: 0, mysql: 0, sqlite: 0, file: 0 }
  #heldBack = Buffer.alloc(0)
  #movedAt = Date.now()
  #isOver = false

  constructor (options: ChaosOptions, directory: string, server: Mariadb, tell: (progress: Progress) => void) {
    this.#options = options
    this.#directory = directory
    this.#server = server
    this.#tell = tell
    this.#deadline = Date.now() + options.minutes * 60_000
  }

  async outcome (): Promise<Outcome> {
    const database = await this.#server.database()
    const chain = await makeChain({ directory: this.#directory, server: this.#server, database, fail: problem => { this.#fail(problem) } })
    const sinks = { mysql: mysqlSink(this.#server, database), sqlite: sqliteSink(chain.files.sqlite), file: fileSink(chain.files.file) }
    try {
      await this.#play(chain, sinks)
    } catch (error) {
      this.#fail(messageOf(error))
    } finally {
      await chain.end()
    }
    const verdicts = await this.#judge(sinks)
    const good = this.#problems.length === 0 && [...verdicts.values()].every(isGood)
    if (!good) writeFileSync(join(this.#directory, 'problems'), this.#problems.map(problem => `${problem}\n`).join(''))
    return { sent: this.#counts.sent, verdicts, kills: chain.kills, problems: this.#problems, directory: good ? null : this.#directory }
  }

  #fail (problem: string): void {
    if (this.#problems.length < mostProblems) this.#problems.push(problem)
  }

  async #play (chain: Chain, sinks: Record<SinkName, Sink>): Promise<void> {
    writeFileSync(chain.files.lines, '')
    chain.start()
    const watching = this.#watch(chain, sinks).catch((error: unknown) => { this.#fail(messageOf(error)) })
    try {
      for (const strike of makeSchedule(this.#options)) {
        const { gauge, reaches, linesAway } = strike
        const before = this.#counts[gauge]
        // one that has moved just now is at work
        await this.#until(`${gauge} counts ${reaches}`, () => this.#counts[gauge] >= Math.min(Math.max(reaches, before + 1), this.#options.events))
        const enough = this.#counts.sent + linesAway
        await chain.strike(strike, async () => { await this.#until(`${enough} lines are sent`, () => this.#counts.sent >= enough || this.#room() === 0) })
      }
      await this.#until('all has arrived', () => sinkNames.every(name => this.#counts[name] >= this.#options.events))
      await chain.stop()
      await this.#audit(chain.files.state)
    } finally {
      this.#isOver = true
      await watching
    }
  }

  /** The daemons' own books must balance. */
  async #audit (state: string): Promise<void> {
    const { code, stdout, stderr } = await new Promise<{ code: number, stdout: string, stderr: string }>(resolve => {
      execFile(process.execPath, [executable, 'ledger', '--state', state, '--quiet'], (error, stdout, stderr) => { resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }) })
    })
    if (code !== 0) this.#fail(`vanadium ledger exits ${code}: ${stdout}${stderr}`)
  }

  async #until (what: string, condition: () => boolean): Promise<void> {
    await until(what, () => {
      if (this.#problems.length > 0) throw new Error('the run was given up')
      if (Date.now() - this.#movedAt > patienceMs) throw new Error(`nothing has arrived for ${patienceMs / 1000} s; waited until ${what}`)
      return condition()
    }, this.#deadline - Date.now())
  }

  /** Sends, counts and tells, until it is over. */
  async #watch (chain: Chain, sinks: Record<SinkName, Sink>): Promise<void> {
    while (!this.#isOver) {
      this.#send(chain.files.lines)
      for (const name of sinkNames) {
        const count = await sinks[name].count()
        if (count !== this.#counts[name]) this.#movedAt = Date.now()
        this.#counts[name] = count
      }
      this.#tell({ counts: this.#counts, kills: chain.kills, down: chain.down })
      await sleep(lookMs)
    }
  }

  /** Lines that may be sent now. */
  #room (): number {
    const { sent, mysql, sqlite, file } = this.#counts
    return Math.max(0, Math.min(portion, this.#options.events - sent, Math.min(mysql, sqlite, file) + mostAhead - sent))
  }

  #send (file: string): void {
    const { sent } = this.#counts
    const next = sent + this.#room()
    if (next === sent) return
    const lines = Array.from({ length: next - sent }, (_, n) => line(sent + n)).join('')
    const bytes = Buffer.concat([this.#heldBack, Buffer.from(lines)])
    const end = next === this.#options.events ? bytes.length : bytes.length - heldBytes
    appendFileSync(file, bytes.subarray(0, end))
    this.#heldBack = bytes.subarray(end)
    this.#counts.sent = next
  }

  async #judge (sinks: Record<SinkName, Sink>): Promise<Map<SinkName, Verdict>> {
    const verdicts = new Map<SinkName, Verdict>()
    for (const name of sinkNames) {
      try {
        const arrivals = await sinks[name].arrivals()
        const verdict = judge(this.#counts.sent, arrivals)
        verdicts.set(name, verdict)
        if (!isGood(verdict)) this.#keep(`${name}.arrived`, arrivals)
      } catch (error) {
        this.#fail(`${name} cannot be judged: ${messageOf(error)}`)
      }
    }
    return verdicts
  }

  #keep (name: string, arrivals: Arrivals): void {
    writeFileSync(join(this.#directory, name), [...arrivals].map(([{ table }, numbers]) => `${table} ${numbers.join(' ')}\n`).join(''))
  }
}
