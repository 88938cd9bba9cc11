import { defineCommand, type CommandContext } from '../lib/cli/command.js'
import { ConfigError, exitCodeOf, messageOf, VanadiumError } from '../lib/errors.js'
import { batchOfLines } from '../lib/stream/batch.js'
import { untilReaderGoes } from './journal/export.js'
import { compileExpression, expressionHelp } from './tap/expression.js'
import { createFilter } from './tap/filter.js'
import { checkInputs, inputOption, lookAt } from './tap/looking.js'
import { harmless } from './terminal/text.js'
import { numberText } from './text.js'

export const tap = defineCommand({
  name: 'tap',
  summary: 'Shows the events that pass by on a stream: those of a schema, a wiki, the invalid ones, or what an expression says.',
  examples: [
    ['vanadium tap', 'everything, on a terminal over several lines and in colour, in a pipe one a line'],
    ['vanadium tap --schema NavigationTiming --invalid --count 5', 'the next five events of a schema that do not validate, as EventErrors'],
    ['vanadium tap --where \'event.action == "init" && event.duration > 100\'', 'events with these values'],
    ['vanadium tap --wiki enwiki --sample 0.01 | jq -r .schema', 'one in a hundred, for another program'],
    ['vanadium tap --input tcp://127.0.0.1:8522 tcp://127.0.0.1:8521', 'other streams']
  ],
  notes: `--where: ${expressionHelp}\n` +
    'Whole events are shown, with all that is in them: whoever may subscribe to a stream may see that. It ends at Ctrl-C. A plain stream drops\n' +
    'records for a reader that is too slow, and nobody can tell how many; the publisher and other readers do not notice.\n\n',
  options: {
    input: inputOption,
    schema: { type: 'string', array: true, default: [] as string[], requiresArg: true, description: 'Only events of these schemas, and EventErrors about them' },
    wiki: { type: 'string', array: true, default: [] as string[], requiresArg: true, description: 'Only events of these wikis' },
    valid: { type: 'boolean', default: false, description: 'Only valid events' },
    invalid: { type: 'boolean', default: false, description: 'Only EventErrors' },
    where: { type: 'string', requiresArg: true, description: 'Only events for which this holds' },
    sample: { type: 'number', default: 1, requiresArg: true, description: 'Share of them that is shown, from 0 to 1; the same ones to everybody' },
    count: { type: 'number', requiresArg: true, description: 'End when so many are shown' },
    json: { type: 'boolean', default: false, description: 'One a line, also on a terminal' },
    pretty: { type: 'boolean', default: false, description: 'Over several lines, also in a pipe' }
  },
  defaults: { 'log-level': 'warn' },
  // a caret points to a mistake in an expression, which no log line could show
  failed (error) {
    process.stderr.write(`vanadium tap: ${error instanceof VanadiumError || !(error instanceof Error) ? messageOf(error) : error.stack ?? error.message}\n`)
    return exitCodeOf(error)
  },
  prepare (options, transports) {
    const { input, schema, wiki, valid, invalid, where, sample, count = Infinity, json, pretty } = options
    checkInputs(input, transports)
    if (valid && invalid) throw new ConfigError('bad-option', '--valid and --invalid leave nothing; give one of them, or none')
    if (json && pretty) throw new ConfigError('bad-option', '--json and --pretty are two forms; give one of them, or none')
    if (!(sample >= 0 && sample <= 1)) throw new ConfigError('bad-option', `--sample ${sample}: give a share from 0 to 1`)
    if (count !== Infinity && !(Number.isSafeInteger(count) && count >= 1)) throw new ConfigError('bad-option', `--count ${count}: give a number of records, from 1 on`)
    const isMeant = createFilter({
      schemas: schema,
      wikis: wiki,
      validity: valid ? 'valid' : invalid ? 'invalid' : null,
      where: where === undefined ? null : compileExpression('--where', where),
      sample
    })
    const output = `stdout://?pretty=${json ? 'never' : pretty ? 'always' : 'auto'}`

    return async ctx => {
      const seen = { all: 0, shown: 0 }
      await untilReaderGoes(async () => { await show({ input, output, isRaw: json && process.stdout.isTTY, isMeant, count }, seen, ctx) })
      process.stderr.write(`${numberText(seen.all)} seen, ${numberText(seen.shown)} shown\n`)
    }
  }
})

interface Tapping {
  readonly input: readonly string[]
  readonly output: string
  /** What is printed as it is goes to a terminal, which it must not steer. */
  readonly isRaw: boolean
  isMeant (record: string): boolean
  /** How many are shown. */
  readonly count: number
}

async function show ({ input, output, isRaw, isMeant, count }: Tapping, seen: { all: number, shown: number }, ctx: CommandContext): Promise<void> {
  const writer = await ctx.openWriter(output)
  await lookAt({
    input,
    stop: ctx.stop,
    silent: words => { process.stderr.write(`${words}\n`) },
    async take (records) {
      const chosen: string[] = []
      for (const record of records) {
        seen.all++
        if (isMeant(record)) chosen.push(record)
        if (seen.shown + chosen.length === count) break
      }
      seen.shown += chosen.length
      const batch = batchOfLines(isRaw ? chosen.map(harmless) : chosen)
      // not before it is printed is more taken: a slow terminal fills no memory
      if (batch !== null) await writer.write(batch)
      return seen.shown < count
    }
  }, ctx)
}
