/**
 * The subscriber of the journaled stream's benchmark: `URI RECORDS`. Tells its parent `joined` when a record has come, `ready`
 * after the one that ends the beginning, and then `{ seconds }`, first to last arrival of so many records.
 */
import { builtInReaders } from '../lib/readers/index.js'
import type { Batch } from '../lib/stream/contracts.js'
import { drive } from '../lib/stream/drive.js'
import { testContext } from '../test/helpers/context.js'

const [uri = '', wanted = ''] = process.argv.slice(2)
const ctx = testContext()
const reader = await builtInReaders().open(uri, ctx)
let isReady = false
let since = 0n
let count = 0

await drive([reader], { write: async batch => { take(batch) }, flush: async () => {}, close: async () => {} }, ctx)
await ctx.end()

function take (batch: Batch): void {
  if (!isReady) return begin(batch.payload.includes('ready'))
  if (since === 0n) since = process.hrtime.bigint()
  count += batch.count
  if (count < Number(wanted)) return
  if (count > Number(wanted)) throw new Error(`of ${wanted} records ${count} came`)
  process.send?.({ seconds: Number(process.hrtime.bigint() - since) / 1e9 })
  ctx.abort()
}

function begin (ready: boolean): void {
  isReady = ready
  process.send?.(ready ? 'ready' : 'joined')
}
