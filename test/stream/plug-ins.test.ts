import { join } from 'node:path'
import t, { type Test } from 'tap'
import { filtering, mapping } from '../../lib/plug-in/functions.js'
import { builtInReaders } from '../../lib/readers/index.js'
import { batchOfBytes, batchOfLines } from '../../lib/stream/batch.js'
import type { Batch, Context, Position, Reader, RecordFunction, Writer } from '../../lib/stream/contracts.js'
import { loadPlugIns, type PlugInFunctions, type PlugInTargets } from '../../lib/stream/plug-ins.js'
import { wrapReader } from '../../lib/stream/wrap.js'
import { builtInWriters } from '../../lib/writers/index.js'
import { testContext, type TestContext } from '../helpers/context.js'
import { at } from '../helpers/provenance.js'
import { projectRoot } from '../helpers/shared.js'
import { pull } from '../helpers/streams.js'

function targetsFor (t: Test): PlugInTargets & { functions: PlugInFunctions } {
  const ctx = testContext()
  t.teardown(async () => { await ctx.end() })
  return { readers: builtInReaders(), writers: builtInWriters(), functions: new Map(), log: ctx.log }
}

/** A context with these functions, and with every built-in scheme. */
function contextWith (t: Test, functions: Record<string, RecordFunction>, overrides: Partial<Context> = {}): TestContext {
  const ctx: TestContext = testContext({
    plugInFunction: name => functions[name] as RecordFunction,
    openReader: async uri => await builtInReaders().open(uri, ctx),
    openWriter: async uri => await builtInWriters().open(uri, ctx),
    ...overrides
  })
  t.teardown(async () => { await ctx.end() })
  return ctx
}

/** A reader of these batches that remembers what was committed. */
function readerOf (batches: ReadonlyArray<readonly [position: Position, ...lines: string[]]>): Reader & { committed: Position[] } {
  const committed: Position[] = []
  return {
    committed,
    async * [Symbol.asyncIterator] () {
      for (const [position, ...lines] of batches) yield batchOfLines(lines, at(position)) as Batch
    },
    commit: async position => { committed.push(position) },
    close: async () => {}
  }
}

function transformed (batch: Batch | null): string[] | null {
  return batch === null ? null : batch.lines()
}

t.test('a plug-in adds functions and schemes', async t => {
  const targets = targetsFor(t)
  const directory = t.testdir({
    'b-second.mjs': 'export async function register ({ fn, log }) { await null; fn("second", () => true); log.info("hello") }',
    'a-first.js': `module.exports = vanadium => {
      vanadium.fn('first', record => record.text)
      vanadium.reader({
        schemes: ['ticks'], summary: 'Ticks.', examples: ['ticks://'],
        params: { type: 'object', properties: { every: { type: 'integer', default: 7, description: 'Seconds.' } }, additionalProperties: false },
        open: async (uri, params) => params
      })
    }`,
    'notes.txt': 'no plug-in',
    'package.json': '{}'
  })

  await loadPlugIns([directory], targets)

  t.same([...targets.functions.keys()], ['first', 'second'], 'in the order of the file names')
  t.same(targets.readers.check('ticks://').params, { every: 7 })
})

t.test('a plug-in that cannot be used ends the start, and is named', async t => {
  const bad: Record<string, readonly [source: string, why: RegExp]> = {
    syntax: ['export default ][', /Unexpected token/],
    throws: ['throw new Error("no luck")', /no luck/],
    nothing: ['export const x = 1', /exports neither "register" nor a default function/],
    rejects: ['export default async () => { throw new Error("later") }', /later/],
    taken: ['export default v => v.reader({ schemes: ["tcp"], summary: "", examples: [], params: { type: "object", properties: {} }, open () {} })', /already/],
    twice: ['export default v => { v.fn("a", () => 1); v.fn("a", () => 2) }', /"a" already/],
    nameless: ['export default v => v.fn(() => 1)', /name/],
    shapeless: ['export default v => v.writer({ schemes: ["x"], summary: "", examples: [], params: {} })', /"x" has no "open"/],
    schemeless: ['export default v => v.writer({})', /schemes/],
    optionless: ['export default v => v.writer({ schemes: ["x"], summary: "", examples: [], params: { type: 7 }, open () {} })', /type/]
  }
  for (const [name, [source, why]] of Object.entries(bad)) {
    const directory = t.testdir({ [`${name}.mjs`]: source })
    await t.rejects(loadPlugIns([directory], targetsFor(t)), { name: 'ConfigError', code: 'bad-plugin', message: why }, name)
    await t.rejects(loadPlugIns([directory], targetsFor(t)), { message: new RegExp(`${name}.mjs`) }, name)
  }
  await t.rejects(loadPlugIns([join(t.testdirName, 'absent')], targetsFor(t)), { code: 'bad-plugin', message: /absent.*name a directory/ })
})

t.test('the shipped example keeps people and drops bots', async t => {
  const targets = targetsFor(t)
  await loadPlugIns([join(projectRoot, 'etc', 'vanadium', 'plugins')], targets)
  const ctx = contextWith(t, Object.fromEntries(targets.functions))
  const bot = '{"userAgent":{"is_bot":true},"event":{"n":1}}'
  const others = ['{"userAgent":{"is_bot":false}}', '{"userAgent":"text"}', '{"schema":"EventError"}', 'no JSON']

  t.same(transformed(filtering('no-bots', ctx)(batchOfLines([bot, ...others]) as Batch)), others)
  t.same(transformed(mapping('without-titles', ctx)(batchOfLines(['{"a":12345678901234567890,"event":{"pageTitle":"x","n":1}}', 'no JSON']) as Batch)),
    ['{"a":12345678901234567890,"event":{"n":1}}', 'no JSON'])
})

t.test('filter keeps records as the bytes they are, and counts what it drops', async t => {
  const ctx = contextWith(t, { 'no-b': ({ text }) => !text.startsWith('b') })
  const keep = filtering('no-b', ctx)
  const whole = batchOfLines(['a', 'c'], at('1')) as Batch

  t.equal(keep(whole), whole, 'a batch that stays whole is not copied')
  t.same(keep(batchOfBytes(Buffer.from('a\xff\nb\nc', 'latin1'), at('2')) as Batch)?.payload, Buffer.from('a\xff\nc', 'latin1'))
  t.equal(keep(batchOfLines(['a', 'b'], at('3')) as Batch)?.position, '3')
  t.equal(keep(batchOfLines(['b', 'b']) as Batch), null)
  t.equal(ctx.metrics.count('filtered'), 4)
})

t.test('map takes text or an object, drops null, and keeps digits', async t => {
  const ctx = contextWith(t, {
    f: ({ text, event }) => text === 'drop' ? null : text === 'gone' ? undefined : event ?? `${text}!`
  })

  const batch = mapping('f', ctx)(batchOfLines(['{ "n": 12345678901234567890 }', 'drop', 'gone', 'x', '[1]'], at('9')) as Batch)

  t.same(transformed(batch), ['{"n":12345678901234567890}', 'x!', '[1]'])
  t.equal(batch?.position, '9')
  t.equal(ctx.metrics.count('filtered'), 2)
})

t.test('a record with which the function fails goes to the dead letters, the others go on', async t => {
  const results: Record<string, () => unknown> = {
    ok: () => 'fine',
    throws: () => { throw new Error('no luck') },
    promise: async () => { await Promise.reject(new Error('unhandled, this would end the process')) },
    number: () => 7,
    empty: () => '',
    lines: () => 'a\nb',
    cycle: () => { const value: { self?: object } = {}; value.self = value; return value }
  }
  const ctx = contextWith(t, { f: ({ text }) => results[text]?.() })

  t.same(transformed(mapping('f', ctx)(batchOfLines(Object.keys(results)) as Batch)), ['fine'])

  t.same(ctx.letters.map(letter => letter.record), ['throws', 'promise', 'number', 'empty', 'lines', 'cycle'])
  t.ok(ctx.letters.every(letter => letter.error.code === 'failed-function'))
  t.match(ctx.letters[0]?.error.message, /function "f" failed: no luck/)
  t.equal(ctx.metrics.count('filtered'), 0)

  t.same(transformed(filtering('f', ctx)(batchOfLines(['ok', 'throws', 'promise']) as Batch)), ['ok'])
  t.equal(ctx.letters.length, 8)
  t.equal(ctx.metrics.count('filtered'), 0, 'what went to the dead letters is not counted twice')
})

t.test('of a batch of which nothing is left, the position is given', async t => {
  let drained = 0
  const ctx = contextWith(t, { keep: ({ text }) => { if (text === 'bad') throw new Error('bad'); return text !== 'no' } }, {
    deadLetters: { add: () => {}, drain: async () => { drained++ } }
  })
  const inner = readerOf([['1', 'yes'], ['2', 'no'], ['3', 'no', 'yes'], ['4', 'bad'], ['5', 'no']])
  const reader = wrapReader(inner, filtering('keep', ctx), ctx)
  const input = pull(reader)

  t.same(await input.rest(), ['yes', 'yes'])
  t.same(input.batches.map(({ position, count }) => [position, count]), [['1', 1], ['2', 0], ['3', 1], ['4', 0], ['5', 0]])
  t.equal(drained, 3, 'dead letters do not pile up')
  await reader.commit('4')
  t.same(inner.committed, ['4'])
})

t.test('map: and filter: wrap any URI, with its options', async t => {
  const directory = t.testdir({ 'in.log': 'one\ntwo\nthree\n' })
  const ctx = contextWith(t, { shout: ({ text }) => text.toUpperCase(), 'no-two': ({ text }) => text !== 'two' && text !== 'TWO' })
  const path = join(directory, 'in.log')

  for (const [uri, expected] of [
    [`map:file://${path}?function=shout&max-line=2048`, ['ONE', 'TWO', 'THREE']],
    [`map://file://${path}?function=shout`, ['ONE', 'TWO', 'THREE']],
    [`filter:file://${path}?resume=false&%66unction=no-two`, ['one', 'three']]
  ] as const) {
    t.same(await pull(await builtInReaders().open(uri, ctx)).rest(), expected, uri)
  }

  const out = join(directory, 'out.log')
  const writer: Writer = await builtInWriters().open(`filter:file://${out}?function=no-two&fsync=never`, ctx)
  await writer.write(batchOfLines(['one', 'two']) as Batch)
  await writer.write(batchOfLines(['two']) as Batch)
  await writer.flush()
  await writer.close()
  t.same(await pull(await builtInReaders().open(`file://${out}`, ctx)).rest(), ['one'])
})

t.test('what is wrong with the URI inside is known before anything is opened', async t => {
  const readers = builtInReaders()
  const refused: ReadonlyArray<readonly [uri: string, why: RegExp]> = [
    ['map:tcp://127.0.0.1:8600', /option "function" is missing/],
    ['map:tpc://127.0.0.1:8600?function=f', /no reader for "tpc:"/],
    ['filter:tcp://127.0.0.1:8600?function=f&hmw=1', /unknown option "hmw"/],
    ['filter:?function=f', /no stream URI/]
  ]
  for (const [uri, why] of refused) t.throws(() => readers.check(uri), { name: 'ConfigError', message: why }, uri)
})
