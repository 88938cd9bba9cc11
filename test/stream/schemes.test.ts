import t from 'tap'
import { ConfigError } from '../../lib/errors.js'
import { batchOfLines } from '../../lib/stream/batch.js'
import type { Batch, Context, Reader, ReaderHandler } from '../../lib/stream/contracts.js'
import { Schemes } from '../../lib/stream/schemes.js'
import type { Uri } from '../../lib/stream/uri.js'
import { testContext } from '../helpers/context.js'

interface CannedParams { times: number, ratio: number, quiet: boolean, mode: string, label: string }

interface Opened { uri: Uri, params: CannedParams, ctx: Context }

/** Reads a record that is in the URI. Keeps what it was opened with. */
function cannedReader (opened: Opened[] = []): ReaderHandler<CannedParams> {
  return {
    schemes: ['canned', 'tinned'],
    summary: 'Reads its own path.',
    examples: ['canned://host:1/record'],
    needs: ['host', 'path'],
    params: {
      type: 'object',
      properties: {
        times: { type: 'integer', minimum: 1, maximum: 10, default: 1, description: 'How often.' },
        ratio: { type: 'number', default: 0.5, description: 'A number.' },
        quiet: { type: 'boolean', default: false, description: 'Says nothing.' },
        mode: { type: 'string', enum: ['fast', 'safe'], default: 'safe', description: 'How.' },
        label: { type: 'string', default: '', description: 'Any text.' }
      },
      additionalProperties: false
    },
    check (uri, { times, quiet }) {
      if (quiet && times > 1) throw new ConfigError('bad-uri', `${uri.text}: option "quiet" does not go with "times"`)
    },
    async open (uri, params, ctx) {
      opened.push({ uri, params, ctx })
      return await Promise.resolve(readerOf(Array<string>(params.times).fill(uri.path)))
    }
  }
}

function readerOf (lines: string[]): Reader {
  return {
    async * [Symbol.asyncIterator] () { yield await Promise.resolve(batchOfLines(lines) as Batch) },
    commit: async () => {},
    close: async () => {}
  }
}

const secretive: ReaderHandler<{ key: string }> = {
  schemes: ['secretive'],
  summary: 'Needs a key.',
  examples: ['secretive:?key=x'],
  params: { type: 'object', properties: { key: { type: 'string', description: 'A key.' } }, required: ['key'], additionalProperties: false },
  open: async () => await Promise.resolve(readerOf(['x']))
}

const plain: ReaderHandler = {
  schemes: ['plain'],
  summary: 'Has no options.',
  examples: ['plain:'],
  params: { type: 'object', properties: {}, additionalProperties: false },
  open: async () => await Promise.resolve(readerOf(['x']))
}

const readers = new Schemes<Reader>('reader').add(cannedReader()).add(secretive).add(plain)

const refused: ReadonlyArray<readonly [string, string, RegExp]> = [
  ['an unknown scheme', 'gopher://h', /^gopher:\/\/h: there is no reader for "gopher:"; schemes that can be read: canned, plain, secretive, tinned$/],
  ['an unknown option', 'canned://h/p?tmies=2', /^canned:\/\/h\/p\?tmies=2: unknown option "tmies"; allowed options: label, mode, quiet, ratio, times$/],
  ['an option of a scheme that has none', 'plain:?a', /unknown option "a"; allowed options: none$/],
  ['an option that every object has', 'canned://h/p?constructor=1&__proto__=2', /unknown option "constructor"; unknown option "__proto__"; allowed/],
  ['an integer that is a word', 'canned://h/p?times=many', /option "times" is "many", must be integer; allowed options: /],
  ['an integer with a fraction', 'canned://h/p?times=1.5', /option "times" is "1.5", must be integer/],
  ['an empty integer', 'canned://h/p?times=', /option "times" is "", must be integer/],
  ['an integer below its minimum', 'canned://h/p?times=0', /option "times" is "0", must be >= 1/],
  ['a number that is none', 'canned://h/p?ratio=Infinity', /option "ratio" is "Infinity", must be number/],
  ['an integer without end', 'canned://h/p?times=Infinity', /option "times" is "Infinity"/],
  ['a boolean that is none', 'canned://h/p?quiet=yes', /option "quiet" is "yes", must be boolean/],
  ['a word that is not in the list', 'canned://h/p?mode=slow', /option "mode" is "slow", must be one of fast, safe; allowed/],
  ['several at once', 'canned://h/p?mode=slow&times=99&x=1', /unknown option "x"; .*"times" is "99", must be <= 10.*"mode" is "slow"/],
  ['an option given twice', 'canned://h/p?times=1&times=2', /option "times" is given twice/],
  ['a required option that is missing', 'secretive:', /^secretive:: option "key" is missing; allowed options: key$/],
  ['a missing host', 'canned:///p', /^canned:\/\/\/p: the host is missing; for example canned:\/\/host:1\/record$/],
  ['a missing path', 'tinned://h', /the path is missing/],
  ['what the handler checks', 'canned://h/p?quiet&times=2', /option "quiet" does not go with "times"/],
  ['what is no URI', 'canned', /"canned" is no stream URI/]
]

for (const [what, uri, message] of refused) {
  t.test(`${what} is refused before anything is opened`, async t => {
    t.throws(() => readers.check(uri), { name: 'ConfigError', code: 'bad-uri', message })
    await t.rejects(readers.open(uri, testContext()), { name: 'ConfigError', message })
  })
}

t.test('a password is in no message', async t => {
  t.throws(() => readers.check('canned://me:sEcReT@h/p?tmies=2'), { message: /^canned:\/\/me:\*\*\*@h\/p\?tmies=2: / })
  t.throws(() => readers.check('gopher://me:sEcReT@h'), { message: /^gopher:\/\/me:\*\*\*@h: / })
})

t.test('options are converted, and have their defaults', async t => {
  const opened: Opened[] = []
  const readers = new Schemes<Reader>('reader').add(cannedReader(opened))
  const ctx = testContext()

  await readers.open('canned://h/p', ctx)
  await readers.open('tinned://h/p?times=3&ratio=1e-3&quiet=false&mode=fast&label=7', ctx)

  t.same(opened.map(({ params }) => ({ ...params })), [
    { times: 1, ratio: 0.5, quiet: false, mode: 'safe', label: '' },
    { times: 3, ratio: 0.001, quiet: false, mode: 'fast', label: '7' }
  ])
  t.match(opened[1]?.uri, { scheme: 'tinned', host: 'h', path: '/p' })
  t.equal(opened[1]?.ctx, ctx)
})

t.test('an option without a value is true', async t => {
  t.match(readers.check('canned://h/p?quiet').params, { quiet: true })
})

t.test('what is opened is what the handler returns', async t => {
  const reader = await readers.open('canned://h/p?times=2', testContext())
  const lines: string[] = []

  for await (const batch of reader) lines.push(...batch.lines())

  t.strictSame(lines, ['/p', '/p'])
})

t.test('a scheme has one handler', async t => {
  t.throws(() => new Schemes<Reader>('reader').add(plain).add({ ...secretive, schemes: ['another', 'plain'] }), { name: 'ConfigError', code: 'bad-plugin', message: /there is a reader for plain: already/ })
})

t.test('each handler is listed once, in the order added, with examples that pass its own checks', async t => {
  t.strictSame(readers.handlers().map(({ schemes }) => schemes), [['canned', 'tinned'], ['secretive'], ['plain']])
  for (const { examples } of readers.handlers()) {
    for (const example of examples) t.doesNotThrow(() => readers.check(example))
  }
})
