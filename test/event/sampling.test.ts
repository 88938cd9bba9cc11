import fc from 'fast-check'
import t from 'tap'
import { parseJson } from '../../lib/event/json.js'
import type { Capsule } from '../../lib/event/capsule.js'
import { combinedRate, createSampler, deciderOf, placeOf, rateIn, tokenOf } from '../../lib/event/sampling.js'
import { readRegistry } from '../../lib/registry/registry.js'

const token = fc.string({ minLength: 1 })
const rate = fc.double({ min: 0, max: 1, noNaN: true })
const uuid = '16f38999d94d549cb426b5fb32bc8bba'

function capsuleWith (event: object, fields: object = {}): Capsule {
  return { schema: 'Test', revision: 1, wiki: 'enwiki', uuid, event, ...fields }
}

function samplerOf (...schemas: string[]): ReturnType<typeof createSampler> {
  const registry = readRegistry(`schemas: { ${schemas.join(', ')} }`, 'registry.yaml')
  return createSampler(() => registry)
}

t.test('the same token has the same place, and what a rate keeps every higher one keeps too', t => {
  fc.assert(fc.property(token, rate, rate, (token, one, other) => {
    const [low, high] = [Math.min(one, other), Math.max(one, other)]
    const capsule = capsuleWith({ token })
    const [byLow, byHigh] = [low, high].map(rate => deciderOf({ rate, by: 'event.token' })(capsule))
    t.equal(placeOf(token), placeOf(token))
    t.ok(byLow === 0 || byHigh === high)
    t.ok(byLow === 0 || byLow === low)
  }))
  t.end()
})

t.test('places are known values: other programs may compute them', t => {
  // printf a | sha1sum | cut -c-12
  t.equal(placeOf('a'), 0x86f7e437faa5 / 2 ** 48)
  t.equal(placeOf('€'), 0x83fc867a6ea7 / 2 ** 48)
  t.end()
})

t.test('places of tokens that differ little are spread evenly, alone and in pairs', t => {
  const cells = 100
  const events = 200_000
  const [alone, pairs] = [new Uint32Array(cells), new Uint32Array(cells)]
  const add = (counts: Uint32Array, cell: number): void => { counts[cell] = (counts[cell] ?? 0) + 1 }
  for (let n = 0; n < events; n++) {
    add(alone, Math.floor(placeOf(`session-${n}`) * cells))
    add(pairs, Math.floor(placeOf(`${n}`) * 10) * 10 + Math.floor(placeOf(`${n + 1}`) * 10))
  }

  // 99 degrees of freedom: 99.8 % are between 61 and 149
  for (const found of [alone, pairs]) {
    const chiSquare = found.reduce((sum, count) => sum + (count - events / cells) ** 2 / (events / cells), 0)
    t.ok(chiSquare > 61 && chiSquare < 149, String(chiSquare))
  }
  t.end()
})

t.test('what has no value to decide by is decided by what identifies it; what has that neither is kept', t => {
  const keys = ['event', 'token']
  for (const nothing of [{}, { token: null }, { token: '' }, { token: {} }, { token: [1] }]) t.equal(tokenOf(capsuleWith(nothing), keys), uuid)
  t.equal(tokenOf(capsuleWith({ token: uuid }), null), uuid)
  t.equal(tokenOf({ meta: { id: 'an id', schema_uri: 'Test/1' }, uuid: 'of the sender' }, null), 'an id')
  t.equal(tokenOf({ meta: {} }, keys), null)
  t.equal(deciderOf({ rate: 0, by: null })({ schema: 'Test' }), 1)
  t.equal(tokenOf(capsuleWith({}), ['event', 'constructor', 'name']), uuid, 'what every object has is not the event\'s')
  t.end()
})

t.test('numbers are what they are, however they are written; those beyond 2^53 as a double has them', t => {
  const tokenIn = (json: string): string | null => tokenOf(capsuleWith(parseJson(json) as object), ['event', 'n'])
  const asProcessor = (json: string): string | null => tokenOf(capsuleWith(JSON.parse(json) as object), ['event', 'n'])

  t.equal(tokenIn('{"n":1}'), '1')
  t.equal(tokenIn('{"n":1.0}'), '1')
  t.equal(tokenIn('{"n":"1"}'), '1')
  t.equal(tokenIn('{"n":false}'), 'false')
  for (const digits of ['9007199254740993', '-18446744073709551615', '123456789012345678901234']) t.equal(tokenIn(`{"n":${digits}}`), asProcessor(`{"n":${digits}}`))
  t.end()
})

t.test('only schemas of the registry are sampled, all with the same rate alike; event errors never are', t => {
  const sampler = samplerOf('A: { sampling: { rate: 0.5, by: wiki } }', 'B: { sampling: { rate: 0.5, by: wiki } }', 'All: { sampling: { rate: 1 } }', 'None: { sampling: { rate: 0 } }', 'EventError: { sampling: { rate: 0 } }', 'Plain: {}')
  const wikis = Array.from({ length: 100 }, (_, n) => ({ wiki: `wiki${n}` }))
  const rates = (schema: string): number[] => wikis.map(fields => sampler.rateFor(schema, capsuleWith({}, fields)))

  t.strictSame(rates('A'), rates('B'))
  t.strictSame(new Set(rates('A')), new Set([0, 0.5]))
  t.strictSame(new Set(rates('None')), new Set([0]))
  for (const all of ['All', 'Plain', 'EventError', 'Other', '__proto__', 'constructor']) t.strictSame(new Set(rates(all)), new Set([1]), all)
  t.end()
})

t.test('a registry that was read again counts from the next event on', t => {
  let registry = readRegistry('', 'registry.yaml')
  const sampler = createSampler(() => registry)
  const before = sampler.rateFor('Test', capsuleWith({}))
  registry = readRegistry('schemas: { Test: { sampling: { rate: 0 } } }', 'registry.yaml')

  t.strictSame([before, sampler.rateFor('Test', capsuleWith({}))], [1, 0])
  t.end()
})

t.test('rates multiply; what is no rate weighs one', t => {
  t.equal(combinedRate(undefined, 0.1), 0.1)
  t.equal(combinedRate(0.1, 0.2), 0.02)
  t.equal(combinedRate(0.01, 1 / 3), 0.00333333333333333)
  t.strictSame([{}, { samplingRate: 0.25 }, { samplingRate: 0 }, { samplingRate: 2 }, { samplingRate: '0.5' }].map(rateIn), [1, 0.25, 1, 1, 1])
  t.end()
})
