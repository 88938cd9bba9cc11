import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { builtInWriters } from '../../../lib/writers/index.js'
import { testContext } from '../../helpers/context.js'
import { projectRoot } from '../../helpers/shared.js'
import { placesOf } from '../../../tools/explain/places.js'
import { prepareStores } from '../../../tools/explain/stores.js'

const transports = { writers: builtInWriters() }
const none = { stores: [], files: [] }

t.test('what nobody names is what the consumers of the host write to', async t => {
  const { stores, files, areGiven } = placesOf(none, transports, join(projectRoot, 'etc', 'vanadium.d', 'consumers'))

  t.same(stores, ['mysql://127.0.0.1/log?defaults-file=/etc/vanadium/my.cnf'])
  t.same(files, ['all-events.log', 'client-side-events.log', 'mysql-refused.log', 'server-side-events.log'].map(name => `/var/log/vanadium/${name}`))
  t.equal(areGiven, false)
})

t.test('files that were rotated away belong to theirs, and a store says what becomes of long strings', async t => {
  const directory = t.testdir()
  mkdirSync(join(directory, 'consumers'))
  for (const name of ['a.log', 'a.log.1.gz', 'a.log-20140521', 'a.log.bak', 'b.log']) writeFileSync(join(directory, name), '')
  writeFileSync(join(directory, 'consumers', 'one'), `--input x\n--output file://${directory}/a.log\n`)
  writeFileSync(join(directory, 'consumers', 'two'), `--output sqlite://${directory}/e.sqlite?long-strings=refuse\n`)

  const { stores, files, longStrings } = placesOf(none, transports, join(directory, 'consumers'))

  t.same(files, ['a.log', 'a.log-20140521', 'a.log.1.gz'].map(name => join(directory, name)))
  t.same(stores, [`sqlite://${directory}/e.sqlite?long-strings=refuse`])
  t.equal(longStrings, 'refuse')
})

t.test('what is named counts alone', async t => {
  const { stores, files } = placesOf({ stores: [], files: ['/x'] }, transports, join(projectRoot, 'etc', 'vanadium.d', 'consumers'))

  t.same([stores, files], [[], ['/x']])
})

// seen to fail when a consumer's credentials that cannot be read end the command
t.test('a store of the host that this user may not ask says so; one that is named is a mistake', async t => {
  const uri = 'mysql://127.0.0.1/log?defaults-file=/nowhere/my.cnf'
  const ctx = testContext()
  t.teardown(async () => { await ctx.end() })

  const [store] = prepareStores({ stores: [uri], areGiven: false }, transports)(ctx)

  t.equal(store?.name, 'mysql://127.0.0.1/log')
  t.match(await store?.tables(), /^could not be asked: .*my\.cnf/)
  t.throws(() => prepareStores({ stores: [uri], areGiven: true }, transports), { message: /my\.cnf/ })
})
