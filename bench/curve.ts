import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generateKeyPair, publicFileText, secretFileText } from '../lib/zmq/keys.js'
import { address, linesIn, pass, plain } from './journaled.js'
import { compare, type Measurement } from './measure.js'

/**
 * What keys cost: the forwarder publishing to a subscriber as in the benchmark of the journaled stream, with keys at both ends against
 * without. Journaled, where a message carries many records, and plain, where each record is a message to be sealed and opened.
 */
export async function benchCurve (directory: string, records: number, rounds: number, isJournaled: boolean): Promise<Measurement> {
  const lines = await linesIn(directory, records)
  const { bound, connected } = keysIn(directory)
  const [output, input] = isJournaled ? [`${address}?journal=bench`, `${address}?as=bench`] : [plain, plain]
  const { rate, reference } = await compare(rounds,
    async () => await pass(lines, `${output}&${bound}`, `${input}&${connected}`, records),
    async () => await pass(lines, output, input, records))
  const what = isJournaled ? 'journaled stream' : 'plain stream'
  return { what: `${what}, CURVE`, rate, reference, referenceIs: `the same ${what} without keys`, floor: isJournaled ? 0.6 : 0.3, aim: isJournaled ? 0.9 : 0.6 }
}

/** The options of both ends. */
function keysIn (directory: string): { bound: string, connected: string } {
  const file = (name: string): string => join(directory, name)
  for (const name of ['server', 'client']) {
    const pair = generateKeyPair()
    writeFileSync(file(`${name}.secret`), secretFileText(pair), { mode: 0o600 })
    writeFileSync(file(`${name}.public`), publicFileText(pair, name))
  }
  return {
    bound: `curve=${file('server.secret')}&clients=${file('client.public')}`,
    connected: `curve=${file('client.secret')}&server-key=${file('server.public')}`
  }
}
