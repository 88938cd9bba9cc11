import { hostname } from 'node:os'
import { ConfigError } from '../lib/errors.js'
import { openAddressHasher } from '../lib/event/address-hash.js'
import { compileFormat, describeSpecifiers } from '../lib/event/line-format.js'
import { createEventProcessor } from '../lib/event/processor.js'
import { createUserAgentParser } from '../lib/event/user-agent.js'
import { defineCommand } from '../lib/cli/command.js'
import { flushing } from '../lib/cli/options.js'
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
  options: {
    format: { type: 'string', demandOption: true, requiresArg: true, description: 'Template of a line; its specifiers are below' },
    input: { type: 'string', array: true, demandOption: true, requiresArg: true, description: 'Stream URIs of raw lines' },
    output: { type: 'string', array: true, demandOption: true, requiresArg: true, description: 'Stream URIs for valid events: each gets every event' },
    invalid: { type: 'string', requiresArg: true, description: 'Stream URI for EventErrors; may be one of the outputs [default: counted and logged only]' },
    'max-line': { type: 'number', default: 65_536, requiresArg: true, description: 'Longest line in characters; what is longer becomes an EventError' },
    'address-key': { type: 'string', default: '/run/vanadium/address.key', requiresArg: true, description: 'File of the key that %h hashes addresses with, shared by the processors of a host; on a tmpfs' }
  },
  prepare (options, { readers, writers }, common) {
    const { input, output, invalid, 'max-line': maxLine } = options
    const format = compileFormat(options.format)
    if (!Number.isInteger(maxLine) || maxLine < 1) throw new ConfigError('bad-option', `--max-line ${maxLine}: give a whole number of characters, at least 1`)
    for (const uri of input) readers.check(uri)
    for (const uri of invalid === undefined ? output : [...output, invalid]) writers.check(uri)
    const flush = flushing(common)

    return async ctx => {
      const hasher = format.fields.some(field => field.conversion === 'address') ? openAddressHasher({ keyFile: options['address-key'], log: ctx.log }) : null
      if (hasher !== null) ctx.defer('address key', () => { hasher.close() })
      const userAgents = createUserAgentParser()
      const events = createEventProcessor({
        format,
        schemas: ctx.schemas,
        hashAddress: address => hasher === null ? address : hasher.hash(address),
        parseUserAgent: userAgent => userAgents.parse(userAgent),
        maxLine,
        hostname: hostname()
      })
      const outputs = []
      for (const uri of output) outputs.push(await ctx.openWriter(uri))
      const invalidTo = invalid === undefined ? null : outputs[output.indexOf(invalid)] ?? await ctx.openWriter(invalid)
      const inputs = []
      for (const uri of input) inputs.push(await ctx.openReader(uri))
      ctx.log.info('ready', { inputs: input, outputs: output, ...(invalid === undefined ? {} : { invalid }) })
      await drive(inputs, processing(events, tee(outputs), invalidTo, ctx), ctx, flush)
    }
  }
})
