import assert from 'node:assert/strict'
import { closeSync, existsSync, mkdtempSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { fileReader } from '../../lib/readers/file.js'
import type { Reader } from '../../lib/stream/contracts.js'
import { Schemes } from '../../lib/stream/schemes.js'
import { testContext, type TestContext } from '../helpers/context.js'
import { until } from '../helpers/wait.js'

const readers = new Schemes<Reader>('reader').add(fileReader)

/** A daemon that writes a log and is told when logrotate has taken it away. */
class LogWriter {
  readonly #path: string
  #file: number
  #partial = ''
  written = 0

  constructor (path: string) {
    this.#path = path
    this.#file = openSync(path, 'a')
  }

  write (count: number): void {
    this.completeLine()
    for (let i = 0; i < count; i++) writeSync(this.#file, `record ${this.written++}\n`)
  }

  writePart (): void {
    this.completeLine()
    writeSync(this.#file, 'rec')
    this.#partial = `ord ${this.written}\n`
  }

  completeLine (): void {
    if (this.#partial === '') return
    writeSync(this.#file, this.#partial)
    this.#partial = ''
    this.written++
  }

  reopen (): void {
    this.completeLine()
    closeSync(this.#file)
    this.#file = openSync(this.#path, 'a')
  }

  close (): void {
    closeSync(this.#file)
  }
}

function rotate (path: string, create: boolean): void {
  let last = 1
  while (existsSync(`${path}.${last}`)) last++
  for (let i = last; i > 1; i--) renameSync(`${path}.${i - 1}`, `${path}.${i}`)
  if (existsSync(path)) renameSync(path, `${path}.1`)
  if (create) closeSync(openSync(path, 'a'))
}

/** Runs of a daemon, one after the other, that commits whatever it takes. */
class Following {
  readonly records: string[] = []
  readonly #uri: string
  readonly #state = testContext()
  #run: { ctx: TestContext, ended: Promise<void> } | null = null

  constructor (path: string) {
    this.#uri = `file://${path}?follow=true&poll-interval=10`
  }

  async start (): Promise<void> {
    if (this.#run !== null) return
    const ctx = testContext({ state: this.#state.state })
    const reader = await readers.open(this.#uri, ctx)
    const take = async (): Promise<void> => {
      for await (const batch of reader) {
        this.records.push(...batch.lines())
        if (batch.position === null) continue
        await reader.commit(batch.position)
        await ctx.save()
      }
      await reader.close()
    }
    this.#run = { ctx, ended: take() }
  }

  async stop (): Promise<void> {
    this.#run?.ctx.abort()
    await this.#run?.ended
    this.#run = null
  }

  async end (): Promise<void> {
    await this.stop()
    await this.#state.end()
  }
}

type Step = { do: 'write', count: number } | { do: 'write part' | 'rotate' | 'rotate and create' | 'reopen' | 'catch up' | 'start' | 'stop' }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('write' as const), count: fc.integer({ min: 1, max: 20 }) }),
  fc.record({ do: fc.constantFrom('write part', 'rotate', 'rotate and create', 'reopen', 'catch up', 'start', 'stop') })
)

async function perform (step: Step, path: string, writer: LogWriter, following: Following): Promise<void> {
  switch (step.do) {
    case 'write': writer.write(step.count); break
    case 'write part': writer.writePart(); break
    case 'rotate': rotate(path, false); break
    case 'rotate and create': rotate(path, true); break
    case 'reopen': writer.reopen(); break
    case 'start': await following.start(); break
    case 'stop': await following.stop(); break
    case 'catch up':
      await following.start()
      await until('it has caught up', () => following.records.length >= writer.written, 5000)
  }
}

t.test('every record once and in order, however writing, rotating, reopening and restarting mix', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40 }), async steps => {
    const directory = mkdtempSync(join(tmpdir(), 'vanadium-test-'))
    const path = join(directory, 'log')
    const writer = new LogWriter(path)
    const following = new Following(path)
    try {
      writer.write(1)
      await perform({ do: 'catch up' }, path, writer, following)
      for (const step of steps) await perform(step, path, writer, following)
      writer.completeLine()
      await perform({ do: 'catch up' }, path, writer, following)

      assert.deepEqual(following.records, Array.from({ length: writer.written }, (_, i) => `record ${i}`))
    } finally {
      await following.end()
      writer.close()
      rmSync(directory, { recursive: true })
    }
  }), { numRuns: 60, interruptAfterTimeLimit: 20_000 })
})
