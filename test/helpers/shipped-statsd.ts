import { readFileSync, writeFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:net'
import { runInNewContext } from 'node:vm'
import { stablePort } from './ports.js'
import { startProgram } from './programs.js'
import { projectRoot } from './shared.js'
import { until } from './wait.js'

export interface ShippedStatsd {
  /** HOST:PORT, as `--statsd` takes it. */
  readonly address: string
  stop (): Promise<void>
}

/** The real StatsD with `examples/statsd/config.js`, but ports of its own, and a flush a second. */
export async function startShippedStatsd (carbonPort: number): Promise<ShippedStatsd> {
  const source = readFileSync(join(projectRoot, 'examples', 'statsd', 'config.js'), 'utf8')
  const shipped = runInNewContext(`config = ${source}`) as Record<string, unknown>
  const [port, managementPort] = [await stablePort(), await stablePort()]
  const directory = mkdtempSync(join(tmpdir(), 'statsd-'))
  const file = join(directory, 'config.js')
  writeFileSync(file, JSON.stringify({ ...shipped, port, mgmt_port: managementPort, graphitePort: carbonPort, flushInterval: 1000 }))
  const statsd = startProgram(process.execPath, [join(projectRoot, 'node_modules', 'statsd', 'stats.js'), file])
  await until('StatsD listens', async () => {
    statsd.mustRun()
    return await new Promise<boolean>(resolve => {
      const socket = connect(managementPort, '127.0.0.1', () => { resolve(true) })
      socket.on('error', () => { resolve(false) })
      socket.end('quit\n')
    })
  })
  return {
    address: `127.0.0.1:${port}`,
    async stop () {
      await statsd.stop()
      rmSync(directory, { recursive: true, force: true })
    }
  }
}
