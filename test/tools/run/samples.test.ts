import t, { type Test } from 'tap'
import { openSchemas, shippedSchemas } from '../../../lib/event/schema-repository.js'
import { createLog } from '../../../lib/log.js'
import { exampleFor } from '../../../tools/run/example.js'
import { mistakes, samplersOf, type Sampler } from '../../../tools/run/samples.js'

/** What the line adds to what a client sends. */
const added = { recvFrom: 'localhost', seqId: 1, timestamp: 1_400_000_000, uuid: '0'.repeat(32) }

async function shippedSamplers (...directories: string[]): Promise<Sampler[]> {
  return samplersOf(await openSchemas({ directories: [...directories, shippedSchemas()], log: createLog({ level: 'error' }) }))
}

function schemaIn (t: Test, definition: object): string {
  return t.testdir({ Mine: { '1.json': '{"properties":{"old":{"type":"string"}}}', '2.json': JSON.stringify(definition) } })
}

t.test('samples of every shipped schema are valid, and differ', async t => {
  const samplers = await shippedSamplers()

  t.strictSame(samplers.map(({ schema }) => schema.name), ['DemoButtonClick', 'NavigationTiming', 'ServerSideAccountCreation'])
  for (const { schema, make } of samplers) {
    const samples = Array.from({ length: 200 }, make)
    t.strictSame(samples.map(sample => schema.validate({ ...sample, ...added })).filter(problem => problem !== null), [], schema.name)
    t.ok(new Set(samples.map(sample => JSON.stringify(sample))).size > 20, schema.name)
  }
})

t.test('no mistake makes a valid event', async t => {
  for (const sampler of await shippedSamplers()) {
    for (const [i, mistake] of mistakes.entries()) {
      for (let n = 0; n < 50; n++) t.notOk(isValid(mistake(sampler), sampler), `mistake ${i} of ${sampler.schema.name}`)
    }
  }
})

t.test('of a schema of one\'s own the newest revision is taken, whatever its keywords', async t => {
  const directory = schemaIn(t, {
    type: 'object',
    properties: {
      kind: { enum: ['a\'b'], required: true },
      size: { type: 'integer', minimum: 10, maximum: 12, required: true },
      tags: { type: 'array', minItems: 2, items: { type: 'string', maxLength: 3 }, required: true },
      place: { type: 'object', properties: { x: { type: 'number', required: true } }, required: true },
      either: { type: ['null', 'boolean'], required: true },
      code: { type: 'string', pattern: '^[0-9]{9}$' }
    }
  })
  const mine = (await shippedSamplers(directory)).find(({ schema }) => schema.name === 'Mine')
  const event = mine?.make().event ?? {}

  t.equal(mine?.schema.revision, 2)
  t.strictSame(Object.keys(event), ['kind', 'size', 'tags', 'place', 'either'])
  t.notMatch(exampleFor(mine as Sampler, 8080, '/x').send.at(-1)?.slice(0, -1), '\'', 'no quote within the quotes of the shell')
})

t.test('a schema of which no valid event can be made up is left out', async t => {
  const directory = schemaIn(t, { type: 'object', properties: { code: { type: 'string', pattern: '^[0-9]{9}$', required: true } } })

  t.notOk((await shippedSamplers(directory)).some(({ schema }) => schema.name === 'Mine'))
})

function isValid (text: string, { schema }: Sampler): boolean {
  try {
    const sample = JSON.parse(text) as Record<string, unknown>
    return sample['schema'] === schema.name && schema.validate({ ...sample, ...added }) === null
  } catch {
    return false
  }
}
