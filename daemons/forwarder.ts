import { defineCommand } from '../lib/cli/command.js'
import { flushing } from '../lib/cli/options.js'
import { drive, tee } from '../lib/stream/drive.js'
import { numbered } from '../lib/stream/numbered.js'

export const forwarder = defineCommand({
  name: 'forwarder',
  summary: 'Copies records from one or more inputs to one or more outputs, unparsed.',
  examples: [
    ['vanadium forwarder --input udp://0.0.0.0:8421 --output tcp://127.0.0.1:8421 --count', 'number the lines of application servers'],
    ['vanadium forwarder --input tcp://127.0.0.1:8521 tcp://127.0.0.1:8522 --output tcp://127.0.0.1:8600', 'join two streams into one'],
    ['varnishncsa … | vanadium forwarder --input stdin:// --output tcp://127.0.0.1:8422', 'publish the lines of Varnish']
  ],
  isDaemon: true,
  options: {
    input: { type: 'string', array: true, demandOption: true, requiresArg: true, description: 'Stream URIs to read' },
    output: { type: 'string', array: true, demandOption: true, requiresArg: true, description: 'Stream URIs to write: each gets every record' },
    count: { type: 'boolean', default: false, description: 'Put a sequence number and a space before each record; numbers never repeat, also across restarts' }
  },
  prepare ({ input, output, count }, { readers, writers }, common) {
    for (const uri of input) readers.checkOwn(uri)
    for (const uri of output) writers.checkOwn(uri)
    const flush = flushing(common)

    return async ctx => {
      const outputs = []
      for (const uri of output) outputs.push(await ctx.openWriter(uri))
      const sink = count ? numbered(tee(outputs), ctx.state.sequence('count')) : tee(outputs)
      const inputs = []
      for (const uri of input) inputs.push(await ctx.openReader(uri))
      ctx.ready({ inputs: input, outputs: output })
      await drive(inputs, sink, ctx, flush)
    }
  }
})
