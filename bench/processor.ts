import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { daemon, finished } from './daemon.js'
import { benchCapsule, clientFormat, clientLine } from './lines.js'
import { compare, perSecond, type Measurement } from './measure.js'

/**
 * The processor as a daemon, from a file of raw lines to a file of events, against `JSON.parse` and `JSON.stringify` of the
 * same events alone: what no implementation on this engine can do without.
 */
export async function benchProcessor (directory: string, records: number, rounds: number): Promise<Measurement> {
  const input = join(directory, 'lines.log')
  await writeLines(input, records)
  const sample = Math.min(records, 50_000)
  const capsules = Array.from({ length: sample }, (_, i) => JSON.stringify(benchCapsule(i)))

  const { rate, reference } = await compare(rounds, async () => {
    const { child, ready } = daemon(['processor', '--format', clientFormat, '--schemas', join(import.meta.dirname, '..', '..', 'bench', 'schemas'),
      '--address-key', join(directory, 'address.key'), '--input', `file://${input}`, '--output', `file://${join(directory, 'valid.json')}`, '--invalid', `file://${join(directory, 'invalid.json')}`])
    await ready
    const since = process.hrtime.bigint()
    await finished(child)
    return perSecond(records, since)
  }, async () => await Promise.resolve(parseAndStringify(capsules)))

  return { what: 'processor', rate, reference, referenceIs: 'JSON.parse + JSON.stringify of the same events', floor: 0.45, aim: 0.65 }
}

function parseAndStringify (capsules: readonly string[]): number {
  let bytes = 0
  const since = process.hrtime.bigint()
  for (const capsule of capsules) bytes += JSON.stringify(JSON.parse(capsule)).length
  const rate = perSecond(capsules.length, since)
  if (bytes === 0) throw new Error('nothing was done')
  return rate
}

async function writeLines (file: string, records: number): Promise<void> {
  const stream = createWriteStream(file)
  for (let i = 0; i < records; i += 1000) {
    const lines = Array.from({ length: Math.min(1000, records - i) }, (_, k) => `${clientLine(i + k)}\n`)
    if (!stream.write(lines.join(''))) await once(stream, 'drain')
  }
  stream.end()
  await once(stream, 'close')
}
