import { execFile } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { benchEvent } from './lines.js'
import { compare, perSecond, type Measurement } from './measure.js'

const run = promisify(execFile)

/**
 * `vanadium merge` of the logs of two hosts against `sort -u` of coreutils of the same files, with about as much memory: that compares whole lines and looks into none. Each host
 * lacks one of twenty events, in the order in which they come, and hashes addresses with a key of its own, as pairs do. How many lines were written is checked.
 */
export async function benchMerge (directory: string, records: number, rounds: number): Promise<Measurement> {
  const logs = []
  for (const host of [0, 1]) logs.push(await writeHost(join(directory, `host-${host}`), records, host))
  const lines = logs.reduce((sum, { lines }) => sum + lines, 0)
  const paths = logs.map(({ path }) => path)
  const output = join(directory, 'merged.log')

  const { rate, reference } = await compare(rounds, async () => {
    rmSync(output, { force: true })
    const since = process.hrtime.bigint()
    const { stdout } = await run(process.execPath, [join(import.meta.dirname, '..', 'vanadium.js'), 'merge', ...paths, '--output', output, '--json'])
    const rate = perSecond(lines, since)
    const { written } = JSON.parse(stdout) as { written: number }
    if (written !== records) throw new Error(`of ${records} events ${written} were written`)
    return rate
  }, async () => {
    rmSync(output, { force: true })
    const since = process.hrtime.bigint()
    await run('sort', ['--unique', '--buffer-size=200M', `--temporary-directory=${directory}`, `--output=${output}`, ...paths], { env: { ...process.env, LC_ALL: 'C' } })
    return perSecond(lines, since)
  })
  return { what: 'merge', rate, reference, referenceIs: 'sort -u of the same files', floor: 0.2, aim: 0.5 }
}

async function writeHost (directory: string, records: number, host: number): Promise<{ path: string, lines: number }> {
  mkdirSync(directory)
  const path = join(directory, 'events.log')
  const stream = createWriteStream(path)
  let lines = 0
  for (let i = 0; i < records; i++) {
    if (i % 20 === host) continue
    lines++
    const event = benchEvent(i)
    const clientIp = createHmac('sha1', `key of ${host}`).update(String(event['clientIp'])).digest('hex')
    if (!stream.write(`${JSON.stringify({ ...event, clientIp })}\n`)) await once(stream, 'drain')
  }
  stream.end()
  await once(stream, 'close')
  return { path, lines }
}
