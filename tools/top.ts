import { defineCommand, type CommandContext } from '../lib/cli/command.js'
import { ConfigError } from '../lib/errors.js'
import { KnownNames } from '../lib/event/known-names.js'
import { hidePasswords } from '../lib/stream/uri.js'
import { checkInputs, inputOption, lookAt } from './tap/looking.js'
import { interruptKey, openKeys } from './terminal/keys.js'
import { openScreen } from './terminal/screen.js'
import { harmless } from './terminal/text.js'
import { StreamCounts } from './top/stream-counts.js'
import { isOrder, linesOf, orders, textOf, type Order, type TopView } from './top/table.js'

const orderNames = Object.keys(orders) as Order[]

export const top = defineCommand({
  name: 'top',
  summary: 'Shows which schemas pass by on a stream, how fast, and how many of their events do not validate, as top does for processes.',
  examples: [
    ['vanadium top', 'the stream for everybody, until q is pressed'],
    ['vanadium top --sort i', 'those first of which most is invalid'],
    ['vanadium top --batch --interval 60 --count 1', 'one table after a minute, for a script']
  ],
  notes: `Keys: q quits; ${Object.entries(orders).map(([key, { name }]) => `${key} sorts by ${name}`).join(', ')}. Rates are of this stream, as far as this reader\n` +
    'keeps up: a plain stream drops records for one that is too slow. An EventError counts as invalid, under the schema that it is about.\n\n',
  options: {
    input: inputOption,
    interval: { type: 'number', default: 1, requiresArg: true, description: 'Seconds from one table to the next, and what "now" is' },
    sort: { choices: orderNames, default: 'r' as const, requiresArg: true, description: 'The key to begin with' },
    batch: { type: 'boolean', default: false, description: 'Print one table after the other, as where there is no terminal' },
    count: { type: 'number', requiresArg: true, description: 'End after so many tables' }
  },
  // it would be written over the table
  defaults: { 'log-level': 'error' },
  prepare ({ input, interval, sort, batch, count = Infinity }, transports) {
    checkInputs(input, transports)
    if (!(interval >= 0.1 && interval <= 300)) throw new ConfigError('bad-option', `--interval ${interval}: give seconds, from 0.1 to 300`)
    if (count !== Infinity && !(Number.isSafeInteger(count) && count >= 1)) throw new ConfigError('bad-option', `--count ${count}: give a number of tables, from 1 on`)
    const isScreen = !batch && process.stdout.isTTY && process.env['TERM'] !== 'dumb'

    return async ctx => {
      const known = new KnownNames(ctx.schemas)
      const counts = new StreamCounts(name => known.has(name), Date.now())
      const sinceMs = Date.now()
      const end = new AbortController()
      const stop = AbortSignal.any([ctx.stop, end.signal])
      const view = (order: Order): TopView => {
        const nowMs = Date.now()
        return { inputs: input.map(hidePasswords), order, ...counts.rows(nowMs, interval), nowMs, sinceMs }
      }
      const show = isScreen ? onScreen(view, sort, () => { end.abort() }, ctx) : printing(view, sort, () => { end.abort() })
      let tables = 0
      const timer = setInterval(() => {
        show()
        if (++tables === count) end.abort()
      }, interval * 1000)
      ctx.defer('the table', () => { clearInterval(timer) })
      await lookAt({
        input,
        stop,
        take (records) {
          counts.add(records, Date.now())
          return true
        },
        // the screen says it itself
        ...isScreen ? {} : { silent: words => { process.stderr.write(`${words}\n`) } }
      }, ctx)
    }
  }
})

function printing (view: (order: Order) => TopView, order: Order, quit: () => void): () => void {
  // its reader has gone: head has got what it wanted
  process.stdout.on('error', quit)
  return () => { process.stdout.write(`${textOf(view(order)).split('\n').map(harmless).join('\n')}\n`) }
}

function onScreen (view: (order: Order) => TopView, first: Order, quit: () => void, ctx: CommandContext): () => void {
  let order = first
  const screen = openScreen(process.stdout, () => { paint() })
  function paint (): void {
    screen.paint(linesOf(view(order), screen))
  }

  ctx.defer('the screen', () => { screen.close() })
  if (process.stdin.isTTY) {
    const keys = openKeys(process.stdin, key => {
      if (key === 'q' || key === interruptKey) return quit()
      if (!isOrder(key)) return
      order = key
      paint()
    })
    ctx.defer('the keys', () => { keys.close() })
  }
  paint()
  return paint
}
