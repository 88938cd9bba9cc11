import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import type { InstalledHost, Way } from './installed-host.js'

const ways: readonly Way[] = ['server', 'client']

export interface Feeds {
  /** How many were sent until the stop, with those of feeds before. */
  readonly count: Record<Way, number>
  /** From now on of that revision. */
  revision (revision: number): Promise<void>
  stop (): Promise<void>
}

const before = new WeakMap<InstalledHost, Record<Way, number>>()

/** Numbered events both ways, so many a second each; they go on where others of this host have ended. */
export async function feeds (t: Test, host: InstalledHost, perSecond: number, revision = 1): Promise<Feeds> {
  const count = before.get(host) ?? { server: 0, client: 0 }
  before.set(host, count)
  const running = await Promise.all(ways.map(async way => ({ way, feed: await host.feed(way, perSecond, count[way] + 1, revision) })))
  return {
    count,
    async revision (revision) {
      for (const { feed } of running) await feed.rate(perSecond, revision)
    },
    async stop () {
      for (const { way, feed } of running) count[way] = await feed.rate(0)
      t.comment(`sent: ${JSON.stringify(count)}`)
    }
  }
}

/**
 * Waits until everything that the forwarders have taken is stored, and checks that it is: each event once, in the database and in both
 * files, and that the books balance. With `sent`, that the forwarders took all of that, but for what the kernel says that it dropped.
 */
export async function balanced (t: Test, host: InstalledHost, sent?: Record<Way, number>): Promise<void> {
  for (const way of ways) {
    if (sent !== undefined) {
      await host.until(`the forwarder has taken or missed ${sent[way]}`, async () => {
        const { taken, lost } = await host.taken(way)
        return taken + lost >= sent[way]
      })
    }
    const { taken, lost } = await host.taken(way)
    await host.until(`${taken} events are stored`, async () => (await host.stored(way)).length >= taken)
    const file = `/var/log/vanadium/${way}-side-events.log`
    await host.until(`${taken} lines are in ${file}`, () => numbersIn(host, file, way).length >= taken)

    const all = '/var/log/vanadium/all-events.log'
    await host.until(`${taken} events are in ${all}`, () => numbersIn(host, all, way).length >= taken)

    const stored = await host.stored(way)
    t.strictSame(again(stored), [], `${way}: no event is stored twice`)
    t.equal(stored.length, taken, `${way}: all that was taken is stored`)
    for (const each of [file, all]) t.strictSame(numbersIn(host, each, way), stored, `${way}: ${each} has the same`)
    if (sent !== undefined) t.equal(taken + lost, sent[way], `${way}: all that was sent was taken, or counted as dropped`)
  }
  const ledger = await host.until('the books balance', async () => {
    const outcome = await host.run('vanadium', 'ledger')
    return outcome.code === 0 ? outcome : null
  })
  t.match(ledger.stdout, /the books balance: 10 daemons/)
}

function numbersIn (host: InstalledHost, file: string, way: Way): number[] {
  return [...host.read(file).matchAll(new RegExp(`${way}-(\\d+)`, 'g'))].map(([, n]) => Number(n))
}

function again (numbers: readonly number[]): number[] {
  const seen = new Set<number>()
  return numbers.filter(n => seen.size === seen.add(n).size)
}

/** Checks that `vanadium check jobs` says of each instance what systemd says of it. */
export async function agree (t: Test, host: InstalledHost): Promise<void> {
  const bySystemd = await Promise.all(host.units().map(async unit => {
    const [, role = '', name = ''] = /^vanadium-(.*)@(.*)\.service$/.exec(unit) ?? []
    return { instance: `${role} ${name}`, runs: (await host.run('systemctl', 'is-active', unit)).stdout === 'active\n' }
  }))
  const { code, stdout } = await host.run('vanadium', 'check', 'jobs', '--warning-restarts', '10', '--verbose')
  const lines = stdout.split('\n')
  const byCheck = bySystemd.map(({ instance }) => ({ instance, runs: lines.some(line => line.startsWith(`${instance} runs`)) }))

  t.strictSame(byCheck, bySystemd, `check jobs agrees with systemd: ${lines[0]}`)
  t.equal(code, bySystemd.every(({ runs }) => runs) ? 0 : 2)
}

/** What units do now, so that a look at them can be told from one before a change. */
async function unitStates (host: InstalledHost): Promise<Map<string, string>> {
  const shown = await host.must('systemctl', 'show', '--property=Id,ActiveState,SubState,StateChangeTimestampMonotonic', ...host.units())
  return new Map(shown.trim().split(/\n\n+/).map(block => {
    const value = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(block)?.[1] ?? ''
    return [value('Id'), `${value('ActiveState')} ${value('SubState')} ${value('StateChangeTimestampMonotonic')}`] as const
  }))
}

/** Between two looks of `agreeing`, in milliseconds: each takes a process. */
const agreeingMs = 1000

/**
 * Looks again and again from now on whether `vanadium check jobs` and systemd say the same; `end` resolves when that is over, and checks that
 * they always did. What changes while it is looked at, starts or stops, is left out.
 */
export function agreeing (host: InstalledHost): { end (t: Test): Promise<void> } {
  let isOver = false
  let looks = 0
  const others: string[] = []

  async function look (): Promise<void> {
    const before = await unitStates(host)
    const lines = (await host.run('vanadium', 'check', 'jobs', '--warning-restarts', '10', '--verbose')).stdout.split('\n')
    const after = await unitStates(host)
    for (const [unit, state] of before) {
      if (after.get(unit) !== state || !/^(active|inactive|failed|activating auto-restart) /.test(state)) continue
      const name = unit.replace(/^vanadium-(.*)@(.*)\.service$/, '$1 $2 ')
      const runs = lines.some(line => line.startsWith(`${name}runs`) || line.startsWith(`${name}is stuck`))
      if (runs !== state.startsWith('active ')) others.push(`${unit} is ${state}: ${lines.find(line => line.startsWith(name)) ?? lines[0] ?? ''}`)
    }
    looks++
  }

  async function lookOn (): Promise<void> {
    while (!isOver) {
      await look()
      await sleep(agreeingMs)
    }
  }

  const looking = lookOn()
  looking.catch(() => {})
  return {
    async end (t) {
      isOver = true
      await looking
      t.comment(`it was looked ${looks} times`)
      t.strictSame(others, [], 'check jobs and systemd have always agreed')
    }
  }
}

/**
 * Checks that of the numbers up to that of the last event at most so many runs are not stored, besides what the kernel says that it dropped:
 * what was sent while nobody took it.
 */
export async function gaps (t: Test, host: InstalledHost, sent: Record<Way, number>, most: number): Promise<void> {
  for (const way of ways) {
    const stored = new Set(await host.stored(way))
    const missing = Array.from({ length: sent[way] }, (_none, i) => i + 1).filter(n => !stored.has(n))
    const runs = missing.filter(n => !missing.includes(n - 1))
    t.ok(runs.length <= most + (await host.taken(way)).lost, `${way}: ${missing.length} were sent while nobody took them, from ${runs.join(', ')} on`)
  }
}

/** Kills a daemon; resolves when systemd has started it again and events are stored since. */
export async function killed (t: Test, host: InstalledHost, unit: string): Promise<void> {
  const [pid, restarts] = [await host.show(unit, 'MainPID'), Number(await host.show(unit, 'NRestarts'))]
  await host.must('kill', '-KILL', pid)
  await host.until(`${unit} was started again`, async () => Number(await host.show(unit, 'NRestarts')) > restarts && await host.show(unit, 'ActiveState') === 'active')
  const [server, client] = [(await host.stored('server')).length, (await host.stored('client')).length]
  await host.until(`events are stored after ${unit} was killed`, async () => (await host.stored('server')).length > server && (await host.stored('client')).length > client)

  t.not(await host.show(unit, 'MainPID'), pid, `${unit}: another process`)
}
