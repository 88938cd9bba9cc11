import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import { freePort } from './ports.js'
import { projectRoot } from './shared.js'
import { until } from './wait.js'

/** The real StatsD, asked through its management port what has come. */
export interface Statsd {
  /** HOST:PORT, as `--statsd` takes it. */
  readonly address: string
  readonly port: number
  /** What was counted since the start, by name. StatsD's own are left out. */
  counters (): Promise<Record<string, number>>
  gauges (): Promise<Record<string, number>>
  /** Ends it and starts it again, at the same port; counters begin at 0. */
  restart (): Promise<void>
}

/** What the real StatsD ends with: a test. */
interface Owner {
  teardown (release: () => Promise<void> | void): unknown
}

/** Longer than any test: at a flush, counters begin at 0 again. */
const flushIntervalMs = 24 * 3600_000

export interface StatsdOptions {
  /** Where it listens. */
  readonly host?: string
}

/** Starts StatsD without a backend; ends with the test. */
export async function startStatsd (t: Owner, { host = '127.0.0.1' }: StatsdOptions = {}): Promise<Statsd> {
  const [port, managementPort] = [await freePort(), await freePort()]
  const directory = mkdtempSync(join(tmpdir(), 'statsd-'))
  const config = join(directory, 'config.js')
  const server = './servers/udp'
  writeFileSync(config, JSON.stringify({ server, address: host, port, address_ipv6: host.includes(':'), mgmt_address: '127.0.0.1', mgmt_port: managementPort, flushInterval: flushIntervalMs, backends: [] }))
  let child = start()
  t.teardown(async () => {
    await end()
    rmSync(directory, { recursive: true, force: true })
  })

  function start (): ChildProcess {
    return spawn(process.execPath, [join(projectRoot, 'node_modules', 'statsd', 'stats.js'), config], { stdio: 'ignore' })
  }

  async function end (): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  async function untilUp (): Promise<void> {
    await until('StatsD answers', async () => {
      if (child.exitCode !== null) throw new Error(`StatsD ended with ${child.exitCode}`)
      return await ask(managementPort, 'health').then(answer => answer.startsWith('health: up'), () => false)
    })
  }

  async function inspected (command: 'counters' | 'gauges'): Promise<Record<string, number>> {
    // printed by util.inspect: a literal of the language, of plain names and numbers
    const printed: unknown = runInNewContext(`(${await ask(managementPort, command)})`)
    return Object.fromEntries(Object.entries(printed as Record<string, number>).filter(([name]) => !name.startsWith('statsd.')))
  }

  await untilUp()
  return {
    address: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    port,
    counters: async () => await inspected('counters'),
    gauges: async () => await inspected('gauges'),
    async restart () {
      await end()
      child = start()
      await untilUp()
    }
  }
}

async function ask (port: number, command: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const parts: string[] = []
  socket.setEncoding('utf8')
  socket.on('data', (text: string) => {
    parts.push(text)
    if (command === 'health' || parts.join('').endsWith('END\n\n')) socket.end()
  })
  socket.write(`${command}\n`)
  await once(socket, 'close')
  return parts.join('').replace(/END\n\n$/, '')
}
