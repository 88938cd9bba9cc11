import t, { type Test } from 'tap'
import { compileFormat } from '../../lib/event/line-format.js'
import { nobodyOptedOut } from '../../lib/event/opt-out.js'
import { createEventProcessor } from '../../lib/event/processor.js'
import { openSchemas, shippedSchemas } from '../../lib/event/schema-repository.js'
import { batchOfBytes, batchOfLines } from '../../lib/stream/batch.js'
import type { Batch, Writer } from '../../lib/stream/contracts.js'
import { tee } from '../../lib/stream/drive.js'
import { processing } from '../../lib/stream/processing.js'
import { testContext, type TestContext } from '../helpers/context.js'
import { at } from '../helpers/provenance.js'
import { turnsOfTheLoop } from '../helpers/scripted.js'

interface Kept extends Writer {
  readonly batches: Batch[]
  readonly calls: string[]
  /** `seqId` of the events, with `!` before an event error. */
  order (): string[]
}

/** A slow writer. Calls that overlap fail. */
function keepingWriter (): Kept {
  const batches: Batch[] = []
  const calls: string[] = []
  let busy = false

  async function during (call: string): Promise<void> {
    if (busy) throw new Error('calls overlap')
    busy = true
    await turnsOfTheLoop(2)
    busy = false
    calls.push(call)
  }

  return {
    batches,
    calls,
    order: () => batches.flatMap(batch => batch.lines()).map(line => {
      const { schema, seqId } = JSON.parse(line) as { schema: string, seqId: number }
      return schema === 'EventError' ? `!${seqId}` : String(seqId)
    }),
    async write (batch) {
      await during('write')
      batches.push(batch)
    },
    flush: async () => { await during('flush') },
    close: async () => { await during('close') }
  }
}

async function processingTo (t: Test, valid: Writer, invalid: Writer | null): Promise<{ writer: Writer, ctx: TestContext }> {
  const directory = t.testdir({ Test: { '1.json': '{"properties": {"a": {"type": "integer", "required": true}}}' } })
  const ctx = testContext()
  const schemas = await openSchemas({ directories: [directory, shippedSchemas()], log: ctx.log })
  const events = createEventProcessor({
    format: compileFormat('%{seqId}d %j'),
    schemas,
    hashAddress: address => address,
    parseUserAgent: userAgent => userAgent,
    maxLine: 65_536,
    hostname: 'this-host',
    optOut: nobodyOptedOut
  })
  return { writer: processing(events, valid, invalid, { ...ctx, schemas }), ctx }
}

const good = (seqId: number): string => `${seqId} {"schema":"Test","revision":1,"wiki":"w","recvFrom":"h","timestamp":1400664601,"event":{"a":1}}`
const bad = (seqId: number): string => good(seqId).replace('"a":1', '"a":"x"')
const batchOf = (...lines: string[]): Batch => batchOfLines(lines, at('here', lines.length)) as Batch

t.test('valid events go one way, event errors the other, each in the order of the lines, with the position', async t => {
  const [valid, invalid] = [keepingWriter(), keepingWriter()]
  const { writer, ctx } = await processingTo(t, valid, invalid)

  await writer.write(batchOf(good(1), bad(2), good(3), good(4), bad(5)))
  await writer.flush()

  t.strictSame(valid.order(), ['1', '3', '4'])
  t.strictSame(invalid.order(), ['!2', '!5'])
  t.strictSame([...valid.batches, ...invalid.batches].map(({ position }) => position), ['here', 'here'])
  t.strictSame([valid.calls, invalid.calls], [['write', 'flush'], ['write', 'flush']])
  t.strictSame([ctx.metrics.count('valid'), ctx.metrics.count('invalid')], [3, 2])
})

t.test('both in one stream stay in the order of the lines', async t => {
  const both = keepingWriter()
  const { writer } = await processingTo(t, both, both)

  await writer.write(batchOf(good(1), bad(2), good(3)))
  await writer.flush()
  await writer.close()

  t.strictSame(both.order(), ['1', '!2', '3'])
  t.strictSame(both.calls, ['write', 'flush', 'close'])
})

t.test('the invalid stream may be one of several valid ones: its calls do not overlap', async t => {
  const [both, other] = [keepingWriter(), keepingWriter()]
  const { writer } = await processingTo(t, tee([both, other]), both)

  await writer.write(batchOf(bad(1), good(2)))
  await writer.flush()
  await writer.close()

  t.strictSame(both.order(), ['2', '!1'])
  t.strictSame(other.order(), ['2'])
})

t.test('a batch that is all good, or all bad, writes nothing to the other stream', async t => {
  const [valid, invalid] = [keepingWriter(), keepingWriter()]
  const { writer } = await processingTo(t, valid, invalid)

  await writer.write(batchOf(good(1)))
  await writer.write(batchOf(bad(2)))

  t.strictSame([valid.calls, invalid.calls], [['write'], ['write']])
})

t.test('without a stream for them, event errors are counted and logged', async t => {
  const valid = keepingWriter()
  const { writer, ctx } = await processingTo(t, valid, null)

  await writer.write(batchOf(good(1), bad(2)))
  await writer.flush()
  await writer.close()

  t.strictSame(valid.order(), ['1'])
  t.equal(ctx.metrics.count('invalid'), 1)
  t.match(ctx.logged().find(({ level }) => level === 'warn'), { message: /--invalid would keep it/, event_error: /validation/ })
})

t.test('of a batch in which a line is not UTF-8, that line is refused and the others are processed', async t => {
  const [valid, invalid] = [keepingWriter(), keepingWriter()]
  const { writer } = await processingTo(t, valid, invalid)
  const lines = Buffer.from(`${good(1)}\n${good(2)}\n${good(3)} ü\n`)
  lines[lines.indexOf('"w"', good(1).length + 1) + 1] = 0xff

  await writer.write(batchOfBytes(lines) as Batch)

  t.strictSame(valid.order(), ['1', '3'])
  t.match(JSON.parse(invalid.batches[0]?.lines()[0] ?? ''), { event: { code: 'processor', message: /the line is not UTF-8 \(near character 41\)/, rawEvent: /"wiki":"\uFFFD"/ } })
})
