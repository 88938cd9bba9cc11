import { defineCommand } from '../lib/cli/command.js'
import { flushing } from '../lib/cli/options.js'
import { ConfigError } from '../lib/errors.js'
import type { State } from '../lib/stream/state.js'
import { drive, tee } from '../lib/stream/drive.js'
import { numbered } from '../lib/stream/numbered.js'
import { byContent, inSteps, mostIncrement, type Numbering } from '../lib/stream/numbering.js'

const numberings = ['sequence', 'content'] as const

interface CountOptions {
  readonly count: boolean
  readonly 'count-by': typeof numberings[number] | undefined
  readonly 'count-increment': number | undefined
  readonly 'count-offset': number | undefined
}

export const forwarder = defineCommand({
  name: 'forwarder',
  summary: 'Copies records from one or more inputs to one or more outputs, unparsed.',
  examples: [
    ['vanadium forwarder --input udp://0.0.0.0:8421 --output tcp://127.0.0.1:8421 --count', 'number the lines of application servers'],
    ['vanadium forwarder --input udp://0.0.0.0:8421 --output tcp://127.0.0.1:8421 --count --count-by content', 'the same on each of two hosts that get the same lines'],
    ['vanadium forwarder --input tcp://127.0.0.1:8521 tcp://127.0.0.1:8522 --output tcp://127.0.0.1:8600', 'join two streams into one'],
    ['varnishncsa … | vanadium forwarder --input stdin:// --output tcp://127.0.0.1:8422', 'publish the lines of Varnish']
  ],
  isDaemon: true,
  options: {
    input: { type: 'string', array: true, demandOption: true, requiresArg: true, description: 'Stream URIs to read' },
    output: { type: 'string', array: true, demandOption: true, requiresArg: true, description: 'Stream URIs to write: each gets every record' },
    count: { type: 'boolean', default: false, description: 'Put a sequence number and a space before each record; numbers never repeat, also across restarts' },
    'count-by': { choices: numberings, requiresArg: true, description: 'What --count makes the numbers of: sequence, the next one; content, of the record itself, so that several hosts give the same number to the same record [default: sequence]' },
    'count-increment': { type: 'number', requiresArg: true, description: 'From one number of --count to the next, where several hosts count: how many they are [default: 1]' },
    'count-offset': { type: 'number', requiresArg: true, description: 'Which of these hosts this one is, from 1 on: no other one gives its numbers [default: 1]' }
  },
  prepare ({ input, output, ...counting }, { readers, writers }, common) {
    for (const uri of input) readers.checkOwn(uri)
    for (const uri of output) writers.checkOwn(uri)
    const flush = flushing(common)
    const numbering = numberingOf(counting)

    return async ctx => {
      const outputs = []
      for (const uri of output) outputs.push(await ctx.openWriter(uri))
      const sink = numbering === null ? tee(outputs) : numbered(tee(outputs), numbering(ctx.state))
      const inputs = []
      for (const uri of input) inputs.push(await ctx.openReader(uri))
      ctx.ready({ inputs: input, outputs: output })
      await drive(inputs, sink, ctx, flush)
    }
  }
})

/** Null for none. */
function numberingOf ({ count, 'count-by': by, 'count-increment': increment, 'count-offset': offset }: CountOptions): ((state: State) => Numbering) | null {
  const steps = { increment: increment ?? 1, offset: offset ?? 1 }
  if (!count) {
    const given = Object.entries({ 'count-by': by, 'count-increment': increment, 'count-offset': offset }).find(([, value]) => value !== undefined)
    if (given !== undefined) throw new ConfigError('bad-option', `--${given[0]} ${given[1]}: it says how --count counts; give that too`)
    return null
  }
  if (!isWithin(steps.increment, mostIncrement)) throw new ConfigError('bad-option', `--count-increment ${increment}: give a whole number from 1 to ${mostIncrement}, how many hosts count`)
  if (!isWithin(steps.offset, steps.increment)) throw new ConfigError('bad-option', `--count-offset ${offset}: give a whole number from 1 to --count-increment, which is ${steps.increment}`)
  if (by !== 'content') return state => inSteps(state.sequence('count'), steps)
  if (increment !== undefined || offset !== undefined) throw new ConfigError('bad-option', '--count-by content: numbers are made of the records; leave out --count-increment and --count-offset, or give --count-by sequence')
  return () => byContent()
}

function isWithin (number: number, most: number): boolean {
  return Number.isInteger(number) && number >= 1 && number <= most
}
