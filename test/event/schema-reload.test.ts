import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openSchemas, shippedSchemas } from '../../lib/event/schema-repository.js'
import { testContext } from '../helpers/context.js'
import { capsuleOf, refused, usable } from '../helpers/schemas.js'

const withField = (name: string): string => JSON.stringify({ properties: { [name]: { type: 'integer' } } })

t.test('reading again takes what is new, changed or gone, and keeps the validators of the rest', async t => {
  const directory = t.testdir({ Same: { '1.json': withField('a') }, Changed: { '1.json': withField('a') }, Gone: { '1.json': withField('a') } })
  const repository = await openSchemas({ directories: [directory], log: testContext().log })
  const same = usable(repository, 'Same', 1)
  const changed = usable(repository, 'Changed', 1)

  writeFileSync(join(directory, 'Changed/1.json'), withField('b'))
  rmSync(join(directory, 'Gone'), { recursive: true })
  mkdirSync(join(directory, 'New'))
  writeFileSync(join(directory, 'New/1.json'), withField('a'))
  await Promise.all([repository.reload(), repository.reload()])

  t.equal(usable(repository, 'Same', 1), same)
  t.equal(usable(repository, 'Changed', 1).validate(capsuleOf('Changed', { b: 1 })), null)
  t.equal(changed.validate(capsuleOf('Changed', { a: 1 })), null, 'who holds the old one can go on')
  t.equal(repository.find('Gone', 1), undefined)
  t.ok(usable(repository, 'New', 1))
})

t.test('what became unusable stays as it was until it is good again', async t => {
  const ctx = testContext()
  const root = t.testdir({ one: { A: { '1.json': withField('a') } }, two: { B: { '1.json': withField('b') } } })
  const repository = await openSchemas({ directories: [join(root, 'one'), join(root, 'two')], log: ctx.log })
  const [a, b] = [usable(repository, 'A', 1), usable(repository, 'B', 1)]

  writeFileSync(join(root, 'one/A/1.json'), '{"properties": ')
  writeFileSync(join(root, 'one/A/2.json'), '{"properties": ')
  renameSync(join(root, 'two'), join(root, 'away'))
  await repository.reload()

  t.equal(usable(repository, 'A', 1), a)
  t.equal(usable(repository, 'B', 1), b)
  t.match(refused(repository, 'A', 2).reason, /line 1/)
  t.match(ctx.logged().find(({ message }) => message === 'a schema file became unusable; the revision stays as it was'), { level: 'warn', path: join(root, 'one/A/1.json'), reason: /line 1/ })
  t.match(ctx.logged().find(({ message }) => message === 'a schema directory cannot be read; its schemas stay as they were'), { level: 'error', directory: join(root, 'two') })

  writeFileSync(join(root, 'one/A/1.json'), withField('again'))
  renameSync(join(root, 'away'), join(root, 'two'))
  await repository.reload()

  t.ok('again' in Object(usable(repository, 'A', 1).definition['properties']))
  t.equal(usable(repository, 'B', 1), b)
})

t.test('the capsule is the highest usable revision, of the directories or shipped', async t => {
  const ctx = testContext()
  const capsule = (extra: string): string => JSON.stringify({ properties: { event: {}, schema: {}, revision: {}, wiki: {}, recvFrom: {}, uuid: {}, [extra]: {} } })
  const directory = t.testdir({ A: { '1.json': withField('a') }, EventCapsule: { '100.json': capsule('hundred'), '99.json': capsule('ninetynine'), '101.json': '{' } })
  const repository = await openSchemas({ directories: [directory, shippedSchemas()], log: ctx.log })
  const validate = (fields: object): string | undefined => usable(repository, 'A', 1).validate(capsuleOf('A', { a: 1 }, fields))?.message

  t.equal(validate({ hundred: 1 }), undefined)
  t.match(validate({ ninetynine: 1 }), /not a field of the capsule/)

  writeFileSync(join(directory, 'EventCapsule/101.json'), capsule('hundredone'))
  await repository.reload()
  t.equal(validate({ hundredone: 1 }), undefined, 'validators follow the capsule')
  t.match(validate({ hundred: 1 }), /not a field of the capsule/)

  rmSync(join(directory, 'EventCapsule'), { recursive: true })
  await repository.reload()
  t.match(validate({ hundredone: 1 }), /not a field of the capsule/)
  t.equal(validate({ topic: 'x' }), undefined)
})
