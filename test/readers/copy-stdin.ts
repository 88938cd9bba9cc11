/**
 * For the tests of the stdin reader, whose input belongs to the process: copies what is read to stdout, record by record, until
 * the end or SIGTERM. Then says on stderr what was counted and logged. First argument: the URI.
 */
import { stdinReader } from '../../lib/readers/stdin.js'
import type { Reader } from '../../lib/stream/contracts.js'
import { Schemes } from '../../lib/stream/schemes.js'
import { testContext } from '../helpers/context.js'

const ctx = testContext()
process.on('SIGTERM', () => { ctx.abort() })
const reader = await new Schemes<Reader>('reader').add(stdinReader).open(process.argv[2] ?? 'stdin://', ctx)
const positions = new Set<unknown>()
let records = 0
let error: unknown
try {
  for await (const batch of reader) {
    positions.add(batch.position)
    records += batch.count
    await new Promise(resolve => process.stdout.write(`${batch.lines().join('\n')}\n`, resolve))
  }
} catch (thrown) {
  error = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : thrown
}
await reader.close()
process.stderr.write(JSON.stringify({ records, positions: [...positions], counts: Object.fromEntries(ctx.metrics.counts()), logged: ctx.logged(), error }))
await ctx.end()
