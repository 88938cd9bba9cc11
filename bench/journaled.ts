import { fork } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../test/helpers/wait.js'
import { daemon, stopped } from './daemon.js'
import { writeLines } from './lines.js'
import { compare, type Measurement } from './measure.js'

export const address = 'tcp://127.0.0.1:18631'
/** A plain publisher waits for nobody: what is not to be dropped must be held. */
export const plain = `${address}?hwm=100000000`
/** Longer than any round, in milliseconds. */
const deadlineMs = 120_000

/**
 * The forwarder as a daemon, from a file on, publishing on a journaled stream, against the same forwarder publishing the same
 * records on a plain one. The journal is on a disk and synced: that is what it costs, and a daemon that did more with a record
 * would only hide it. A subscriber in a process of its own, vanadium's own reader, counts: each record once.
 */
export async function benchJournaled (directory: string, records: number, rounds: number): Promise<Measurement> {
  const lines = await linesIn(directory, records)
  const { rate, reference } = await compare(rounds,
    async () => await pass(lines, `${address}?journal=bench`, `${address}?as=bench`, records),
    async () => await pass(lines, plain, plain, records))
  return { what: 'journaled stream', rate, reference, referenceIs: 'the same forwarder publishing a plain stream', floor: 0.6, aim: 0.8 }
}

export async function linesIn (directory: string, records: number): Promise<string> {
  const lines = join(directory, 'journaled.log')
  await writeLines(lines, records)
  return lines
}

/** Resolves with records a second, first to last arrival. */
export async function pass (lines: string, output: string, input: string, records: number): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'vanadium-bench-'))
  const [head, body] = [join(directory, 'head.log'), join(directory, 'body.log')]
  writeFileSync(head, '')
  try {
    const { child, ready } = daemon(['forwarder', '--state', directory, '--input', `file://${head}?follow=true&poll-interval=50`, `file://${body}?follow=true&poll-interval=50`, '--output', output])
    await ready
    const sink = fork(join(import.meta.dirname, 'journaled-sink.js'), [input, String(records)])
    const ended = once(sink, 'exit')
    let said: unknown = null
    sink.on('message', message => { said = message })
    const waitFor = async (what: string, is: () => boolean): Promise<void> => {
      await until(what, () => {
        if (sink.exitCode !== null && typeof said !== 'object') throw new Error(`the subscriber ended before ${what}`)
        return is()
      }, deadlineMs)
    }

    await waitFor('it has joined', () => {
      if (said === null) appendFileSync(head, 'has it joined?\n')
      return said !== null
    })
    appendFileSync(head, 'ready\n')
    await waitFor('it is ready', () => said === 'ready')
    symlinkSync(lines, body)
    await waitFor('every record has come', () => typeof said === 'object')
    await ended
    await stopped(child)
    return records / (said as { seconds: number }).seconds
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
