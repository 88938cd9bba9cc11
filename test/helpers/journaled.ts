import type { Test } from 'tap'
import { tcpReader, type TcpReader } from '../../lib/readers/tcp.js'
import { batchOfLines } from '../../lib/stream/batch.js'
import type { Batch, Context, Reader, Writer } from '../../lib/stream/contracts.js'
import { Schemes } from '../../lib/stream/schemes.js'
import { openState } from '../../lib/stream/state.js'
import type { JournaledWriter } from '../../lib/writers/tcp-journal.js'
import { tcpWriter } from '../../lib/writers/tcp.js'
import { testContext, type TestContext } from './context.js'

const readers = new Schemes<Reader>('reader').add(tcpReader)
const writers = new Schemes<Writer>('writer').add(tcpWriter)

/** A context whose state is in a directory that outlives it, so that the same instance can be started again. */
function contextIn (t: Test, directory: string, instance: string): TestContext {
  const state = openState(directory, instance)
  const ctx = testContext({ state })
  ctx.defer('state', () => { state.close() })
  t.teardown(async () => { await ctx.end() })
  return ctx
}

export interface TestPublisher {
  readonly writer: JournaledWriter
  readonly ctx: TestContext
  /** Writes one batch a call, as `drive` does. */
  publish (...lines: string[]): Promise<void>
}

export async function startPublisher (t: Test, directory: string, uri = 'tcp://127.0.0.1:0?journal=all'): Promise<TestPublisher> {
  const ctx = contextIn(t, directory, 'publisher')
  const writer = await writers.open(uri, ctx) as JournaledWriter
  ctx.defer('writer', async () => { await writer.close() })
  return { writer, ctx, publish: async (...lines) => { await writeAndSave(writer, ctx, lines) } }
}

async function writeAndSave (writer: Writer, ctx: Context, lines: string[]): Promise<void> {
  await writer.write(batchOfLines(lines) as Batch)
  await writer.flush()
  await ctx.save()
}

export interface TestSubscription {
  readonly reader: TcpReader
  readonly ctx: TestContext
}

export async function startSubscriber (t: Test, directory: string, uri: string): Promise<TestSubscription> {
  const ctx = contextIn(t, directory, 'subscriber')
  const reader = await readers.open(uri, ctx) as TcpReader
  ctx.defer('reader', async () => { await reader.close() })
  return { reader, ctx }
}

/** `record <from>`, `record <from + 1>` …, up to before `end`. */
export function records (from: number, end: number): string[] {
  return Array.from({ length: end - from }, (_, i) => `record ${from + i}`)
}
