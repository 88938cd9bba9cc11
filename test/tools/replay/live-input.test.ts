import t from 'tap'
import { ConfigError } from '../../../lib/errors.js'
import { builtInReaders } from '../../../lib/readers/index.js'
import { batchOfLines } from '../../../lib/stream/batch.js'
import type { Batch, ReaderHandler } from '../../../lib/stream/contracts.js'
import { liveInputs, wrappersOf } from '../../../tools/replay/live-input.js'
import { testContext } from '../../helpers/context.js'
import { at } from '../../helpers/provenance.js'

const lines = (...texts: string[]): Batch => batchOfLines(texts, at('position')) as Batch

// seen to fail when the options of the stream stay, and when only the first input is looked at
t.test('of the live inputs there remains what wraps them', async t => {
  const wrappers = (...inputs: string[]): string | null => wrappersOf(inputs, builtInReaders(), '--processor client-side')

  t.equal(wrappers('tcp://127.0.0.1:8422?as=processor'), null)
  t.equal(wrappers('filter:tcp://127.0.0.1:8422?as=processor&function=no%20bots&hwm=100'), 'filter:replayed:?function=no%20bots')
  t.equal(wrappers('map://tcp://127.0.0.1:8422?function=tidy', 'map:tcp://127.0.0.1:8423?function=tidy'.replace('map:', 'map://')), 'map://replayed:?function=tidy')
  t.throws(() => wrappers('tcp://127.0.0.1:8422', 'filter:tcp://127.0.0.1:8423?function=no-bots'), { name: ConfigError.name, message: /--processor client-side: .*only one/ })
})

/** As a plug-in may bring it: of each batch it makes one for each record, twice. */
const twice: ReaderHandler = {
  schemes: ['twice'],
  summary: 'Everything twice.',
  examples: ['twice:tcp://127.0.0.1:8422'],
  wraps: true,
  params: { type: 'object', properties: {}, additionalProperties: false },
  async open ({ rest }, _params, ctx) {
    const inner = await ctx.openReader(rest)
    return {
      async * [Symbol.asyncIterator] () {
        for await (const batch of inner) {
          for (const text of batch.lines()) {
            if (text !== 'none') yield lines(text, text)
          }
        }
      },
      commit: async () => {},
      close: async () => { await inner.close() }
    }
  }
}

// seen to fail when one batch is expected for each
t.test('a batch goes through whatever wraps the live input, and comes back whole', async t => {
  const readers = builtInReaders().add(twice)
  const ctx = testContext({ openReader: async uri => await readers.open(uri, ctx) })
  t.teardown(async () => { await ctx.end() })
  const live = await liveInputs(readers)(wrappersOf(['twice:tcp://127.0.0.1:8422'], readers, '--processor x'))(ctx)

  t.strictSame((await live.pass(lines('a', 'none', 'b')))?.lines(), ['a', 'a', 'b', 'b'])
  t.equal(await live.pass(lines('none')), null)
  t.strictSame((await live.pass(lines('c')))?.lines(), ['c', 'c'])
})

// seen to fail when what fails is thrown
t.test('where a function of the live input fails, the record goes to the dead letters, as it does live', async t => {
  const readers = builtInReaders()
  const ctx = testContext({
    openReader: async uri => await readers.open(uri, ctx),
    plugInFunction: () => ({ text }) => {
      if (text === 'bad') throw new Error('no')
      return true
    }
  })
  t.teardown(async () => { await ctx.end() })
  const live = await liveInputs(readers)('filter:replayed:?function=strict')(ctx)

  t.strictSame((await live.pass(lines('good', 'bad')))?.lines(), ['good'])
  t.match(ctx.letters, [{ record: 'bad', error: { code: 'failed-function' } }])
})
