import { describeSpecifiers } from '../lib/event/line-format.js'
import { defineCommand } from '../lib/cli/command.js'
import { optOutFiles } from '../lib/cli/opt-out.js'
import { flushing } from '../lib/cli/options.js'
import { prepareProcessor, processorOptions } from '../lib/cli/processor-options.js'
import { readList } from '../lib/opt-out/files.js'
import type { Writer } from '../lib/stream/contracts.js'
import { drive, tee } from '../lib/stream/drive.js'
import { processing } from '../lib/stream/processing.js'

export const processor = defineCommand({
  name: 'processor',
  summary: 'Parses raw lines, validates the events in them, and publishes the valid ones; the invalid become EventError events.',
  examples: [
    ['vanadium processor --format \'%{seqId}d EventLogging %j\' --input tcp://127.0.0.1:8421 --output tcp://127.0.0.1:8521 --invalid tcp://127.0.0.1:8521', 'application servers; errors into the same stream'],
    ['zcat raw.gz | vanadium processor --format \'%q %{recvFrom}s %{seqId}d %t %h %{userAgent}i\' --input stdin:// --output stdout:// --invalid file:///tmp/invalid.json', 'what today\'s schemas make of old lines'],
    ['vanadium processor --format \'%q %{recvFrom}s %{seqId}d %D %{ip}i %u\' --config-check …', 'only check the options']
  ],
  notes: `A format's specifiers; a space stands for any white space, other text for itself (as a regular expression):\n  ${describeSpecifiers().join('\n  ')}\n\n`,
  isDaemon: true,
  options: processorOptions,
  prepare (options, { readers, writers }, common) {
    const { input, output, invalid = [] } = options
    const events = prepareProcessor(options)
    for (const uri of input) readers.checkOwn(uri)
    for (const uri of [...output, ...invalid]) writers.checkOwn(uri)
    const flush = flushing(common)
    if (common['config-check']) readList(optOutFiles(common))

    return async ctx => {
      const lines = events.open(ctx)
      const outputs = []
      for (const uri of output) outputs.push(await ctx.openWriter(uri))
      const errorOutputs = []
      for (const uri of invalid) errorOutputs.push(outputs[output.indexOf(uri)] ?? await ctx.openWriter(uri))
      const inputs = []
      for (const uri of input) inputs.push(await ctx.openReader(uri))
      ctx.ready({ inputs: input, outputs: output, ...(invalid.length === 0 ? {} : { invalid }) })
      const valid = tee(outputs)
      const errors = errorOutputs.length === 0 ? null : isSame(outputs, errorOutputs) ? valid : tee(errorOutputs)
      await drive(inputs, processing(lines, valid, errors, ctx), ctx, flush)
    }
  }
})

/** The same writers: what is valid and what is not then go there in the order of the lines. */
function isSame (some: readonly Writer[], others: readonly Writer[]): boolean {
  return some.length === others.length && some.every(writer => others.includes(writer))
}
