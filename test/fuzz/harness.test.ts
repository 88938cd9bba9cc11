import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { projectRoot } from '../helpers/shared.js'
import { fuzzTarget } from './fuzz-target.js'
import { minimised } from './minimise.js'
import { createRandom } from './random.js'
import { repeatOf } from './report.js'
import { targets } from './targets/index.js'

// each of these fails when the harness does not look for its kind
const budget = { seconds: 10, inputs: 400, seed: 7 }

t.test('a target that does as it should has nothing to be found', async t => {
  const report = await fuzzTarget('planted-good', budget)

  t.match(report, { inputs: 400, finding: null })
})

t.test('an error that is none of ours is found, with the smallest input and its seed', async t => {
  const { finding } = await fuzzTarget('planted-crash', budget)

  t.match(finding, { kind: 'crash', what: /no exclamations/, input: '"!"', seed: Number })
  t.match(finding === null ? '' : repeatOf(finding), /^planted-crash: crash: TypeError: no exclamations[^]*\ninput: "!"\nrepeat: make fuzz TARGET=planted-crash SEED=\d+ INPUTS=1\n$/)
  const again = await fuzzTarget('planted-crash', { ...budget, inputs: 1, seed: Number(finding?.seed) })
  t.equal(again.finding?.seed, finding?.seed, 'the seed finds it at once')
})

t.test('an input that takes long each time is found', async t => {
  const { finding } = await fuzzTarget('planted-slow', budget)

  t.match(finding, { kind: 'slow', what: /^\d{3,} ms of processor time, were the machine idle$/, input: '"!y"' })
})

t.test('an input that never ends is found, by its seed', async t => {
  const { finding } = await fuzzTarget('planted-hang', { ...budget, hangSeconds: 0.5 })

  t.match(finding, { kind: 'hang', what: /^did not end within 0\.5 s/, input: null, seed: Number })
})

t.test('a process that ends is a crash', async t => {
  const { finding } = await fuzzTarget('planted-exit', budget)

  t.match(finding, { kind: 'crash', what: /ended with 3/, seed: Number })
})

t.test('an input that takes a lot of memory at once is found', async t => {
  const { finding } = await fuzzTarget('planted-memory', budget)

  t.match(finding, { kind: 'memory', what: /^\d{3} MB at once$/, input: /!/, seed: Number })
})

t.test('memory that grows is found', async t => {
  const { finding } = await fuzzTarget('planted-growth', { ...budget, inputs: 3000 })

  t.match(finding, { kind: 'growth', what: /the heap has grown by \d/ })
})

t.test('the same seed makes the same choices', async t => {
  const choices = (seed: number): number[] => Array.from({ length: 20 }, () => 0).map((() => {
    const random = createRandom(seed)
    return () => random.int(1000)
  })())

  t.strictSame(choices(5), choices(5))
  t.notSame(choices(5), choices(6))
})

t.test('what is small keeps what is bad of it, and the keys by which the target knows it', async t => {
  const small = await minimised({ text: 'xxxx!xxxx', list: [1, 'y?y', 3] }, async ({ text, list }) => await Promise.resolve(text.includes('!') && list.some(item => String(item).includes('?'))))

  t.strictSame(small, { text: '!', list: ['?'] })
})

t.test('each target is among the tests', async t => {
  const directory = join(projectRoot, 'test', 'fuzz')
  const tests = readdirSync(directory).filter(file => file.endsWith('.test.ts')).map(file => readFileSync(join(directory, file), 'utf8')).join('')

  t.strictSame(targets.filter(({ name }) => !tests.includes(`'${name}'`)).map(({ name }) => name), [])
})
