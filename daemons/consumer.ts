import { defineCommand, type Transports } from '../lib/cli/command.js'
import { flushing } from '../lib/cli/options.js'
import { about, ConfigError } from '../lib/errors.js'
import { drive } from '../lib/stream/drive.js'

export const consumer = defineCommand({
  name: 'consumer',
  summary: 'Stores a stream: in MySQL or SQLite tables, in a JSON log file, or wherever a writer leads.',
  examples: [
    ['vanadium consumer --input tcp://127.0.0.1:8600 --output \'mysql://db.example.org/log?defaults-file=/etc/vanadium/my.cnf\'', 'one table a schema revision'],
    ['vanadium consumer --input tcp://127.0.0.1:8600 --output file:///var/log/vanadium/all-events.log', 'one line an event'],
    ['vanadium consumer --input tcp://127.0.0.1:8600 --output sqlite:///tmp/events.sqlite --dead-letter file:///tmp/refused.json', 'keep what the store refuses']
  ],
  isDaemon: true,
  options: {
    input: { type: 'string', array: true, demandOption: true, requiresArg: true, description: 'Stream URIs to read' },
    output: { type: 'string', demandOption: true, requiresArg: true, description: 'Stream URI of the store' },
    'dead-letter': { type: 'string', requiresArg: true, description: 'Stream URI for records that the store refuses [default: counted and logged only]' }
  },
  prepare ({ input, output, 'dead-letter': deadLetter }, { readers, writers }, common) {
    for (const uri of input) readers.checkOwn(uri)
    writers.checkOwn(output)
    if (deadLetter !== undefined) checkDeadLetter(deadLetter, writers)
    const flush = flushing(common)

    return async ctx => {
      if (deadLetter !== undefined) ctx.deadLetters.keepIn(await ctx.openWriter(deadLetter))
      const store = await ctx.openWriter(output)
      const inputs = []
      for (const uri of input) inputs.push(await ctx.openReader(uri))
      ctx.ready({ inputs: input, output })
      await drive(inputs, store, ctx, flush)
    }
  }
})

function checkDeadLetter (uri: string, writers: Transports['writers']): void {
  writers.checkOwn(uri)
  if (!/[?&]journal=/.test(uri)) return
  about(uri, () => {
    throw new ConfigError('bad-option', `--dead-letter ${uri}: letters must be safe before the rows beside them are, which a journaled stream only is later; write a file: file:///var/log/vanadium/refused.log`)
  })
}
