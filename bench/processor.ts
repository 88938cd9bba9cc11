import { join } from 'node:path'
import { daemon, finished } from './daemon.js'
import { benchEvent, clientFormat, writeLines } from './lines.js'
import { compare, perSecond, type Measurement } from './measure.js'

/**
 * The processor as a daemon, from a file of raw lines on, against `JSON.parse` and `JSON.stringify` of the same events alone:
 * what no implementation on this engine can do without. The events go to `/dev/null`: what a disk, or the memory for a file,
 * costs is not the processor's. That all lines became events is checked.
 */
export async function benchProcessor (directory: string, records: number, rounds: number): Promise<Measurement> {
  const input = join(directory, 'lines.log')
  await writeLines(input, records)
  const events = Array.from({ length: Math.min(records, 50_000) }, (_, i) => JSON.stringify(benchEvent(i)))

  const { rate, reference } = await compare(rounds, async () => {
    const { child, ready, counts } = daemon(['processor', '--format', clientFormat, '--schemas', join(import.meta.dirname, '..', '..', 'bench', 'schemas'),
      '--address-key', join(directory, 'address.key'), '--input', `file://${input}`, '--output', 'file:///dev/null'])
    await ready
    const since = process.hrtime.bigint()
    await finished(child)
    const rate = perSecond(records, since)
    const { valid } = await counts
    if (valid !== records) throw new Error(`of ${records} lines ${valid} became events`)
    return rate
  }, async () => await Promise.resolve(parseAndStringify(events, Math.ceil(records / 4))))

  return { what: 'processor', rate, reference, referenceIs: 'JSON.parse + JSON.stringify of the same events', floor: 0.45, aim: 0.65 }
}

function parseAndStringify (events: readonly string[], records: number): number {
  let bytes = 0
  const since = process.hrtime.bigint()
  for (let i = 0; i < records; i++) bytes += JSON.stringify(JSON.parse(events[i % events.length] ?? '')).length
  const rate = perSecond(records, since)
  if (bytes === 0) throw new Error('nothing was done')
  return rate
}
