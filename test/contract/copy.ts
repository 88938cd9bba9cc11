/** For the schemes that belong to a process: copies the stream of the first argument to that of the second, as a daemon does. */
import { builtInReaders } from '../../lib/readers/index.js'
import { drive } from '../../lib/stream/drive.js'
import { builtInWriters } from '../../lib/writers/index.js'
import { testContext } from '../helpers/context.js'

const [from = '', to = ''] = process.argv.slice(2)
const ctx = testContext()
process.once('SIGTERM', () => { ctx.abort() })
const writer = await builtInWriters().open(to, ctx)
const reader = await builtInReaders().open(from, ctx)
await drive([reader], writer, ctx)
for (const transport of [reader, writer]) {
  await transport.close()
  await transport.close()
}
await ctx.end()
