import { execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { daemon, stopped } from './daemon.js'
import { compare, thousands, type Measurement } from './measure.js'

const port = 18641
/** Each has one request under way. */
const connections = 64

/**
 * A forwarder that takes beacons over http and writes lines to nowhere, against a server of Node that answers 204 at once and keeps
 * nothing. The same client asks both, in a process of its own, over connections that are kept. Then the same into a journal, on a disk
 * and synced before an event is confirmed, which measures the disk more than the reader.
 */
export async function benchHttp (_directory: string, records: number, rounds: number): Promise<Measurement> {
  const { rate, reference } = await compare(rounds, async () => await confirmed(records, 'file:///dev/null'), async () => await bare(records))
  const saved = await confirmed(records, 'tcp://127.0.0.1:18642?journal=bench')
  return {
    what: 'http reader, requests',
    rate,
    reference,
    referenceIs: 'a bare Node server that answers 204 and keeps nothing',
    floor: 0.5,
    aim: 0.7,
    notes: `http reader: ${thousands(saved)} requests/s into a journal, each saved before it was confirmed, ${connections} at one time; asked for are 2,000.`
  }
}

async function confirmed (records: number, output: string): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'vanadium-bench-'))
  try {
    const { child, ready, counts } = daemon(['forwarder', '--state', directory, '--input', `http://127.0.0.1:${port}/?max-rate-per-address=0`, '--output', output])
    await ready
    const rate = await ask(port, records)
    await stopped(child)
    const { taken } = await counts
    if (taken !== records) throw new Error(`of ${records} events ${taken} were taken`)
    return rate
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function bare (records: number): Promise<number> {
  const server = fork(join(import.meta.dirname, 'http-bare.js'))
  const [port] = await once(server, 'message') as [number]
  const rate = await ask(port, records)
  server.disconnect()
  await once(server, 'exit')
  return rate
}

/** Resolves with requests a second; rejects if one was not answered with 204. */
async function ask (port: number, requests: number): Promise<number> {
  const args = [port, connections, requests].map(String)
  const { stdout } = await promisify(execFile)(process.execPath, [join(import.meta.dirname, 'http-client.js'), ...args])
  return Number(stdout)
}
