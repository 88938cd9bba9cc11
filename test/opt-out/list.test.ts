import { createHmac } from 'node:crypto'
import { appendFileSync, chmodSync, copyFileSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { editList, readList, type OptOutFiles } from '../../lib/opt-out/files.js'
import { decodeList, encodeList, listOf } from '../../lib/opt-out/list.js'
import { openLiveList } from '../../lib/opt-out/live.js'
import { testContext } from '../helpers/context.js'
import { shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

function filesIn (t: Test): OptOutFiles {
  const directory = shortDirectory(t)
  return { file: join(directory, 'state', 'optout'), keyFile: join(directory, 'etc', 'optout.key') }
}

function add (files: OptOutFiles, ...users: string[]): void {
  editList(files, (hashes, key) => [...hashes, ...users.map(user => key.digest(user))])
}

t.test('a list has exactly those that were put into it, and is the same when it is read again', async t => {
  const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(bytes => Buffer.from(bytes))

  fc.assert(fc.property(fc.array(hash, { maxLength: 50 }), fc.array(hash, { maxLength: 10 }), (inside, others) => {
    const { list, keyId } = decodeList(encodeList(listOf(inside), '0123456789abcdef'), 'x')
    const isInside = (hash: Buffer): boolean => inside.some(other => other.equals(hash))

    return keyId === '0123456789abcdef' && [...inside, ...others].every(hash => list.has(hash) === isInside(hash)) && list.count === new Set(inside.map(hash => hash.toString('hex'))).size
  }))
  t.pass()
})

t.test('the file has a hash a user, with a key that is kept elsewhere', async t => {
  const files = filesIn(t)

  add(files, 'bob', '123')
  add(files, 'bob')

  const secret = Buffer.from(readFileSync(files.keyFile, 'latin1').trim(), 'hex')
  const hashes = ['bob', '123'].map(user => createHmac('sha256', secret).update(user).digest('hex')).sort()
  t.strictSame(readFileSync(files.file, 'latin1').split('\n').slice(1), [...hashes, ''])
  t.equal(statSync(files.file).mode & 0o777, 0o640)
  t.equal(statSync(files.keyFile).mode & 0o777, 0o640)
})

t.test('a list that is not whole is refused, as is one without its key', async t => {
  const files = filesIn(t)
  add(files, ...Array.from({ length: 20 }, (_, i) => `user ${i}`))
  const whole = readFileSync(files.file)
  const key = readFileSync(files.keyFile)

  for (const length of [0, 10, 100, whole.length - 65, whole.length - 1]) {
    truncateSync(files.file, length)
    t.throws(() => readList(files), { code: 'damaged-state', message: /--optout .*damaged/ }, `${length} bytes`)
    writeFileSync(files.file, whole)
  }
  appendFileSync(files.file, `${'0'.repeat(64)}\n`)
  t.throws(() => readList(files), { code: 'damaged-state' }, 'one too many')
  writeFileSync(files.file, Buffer.from(whole.toString('latin1').replace(/[0-9a-f]\n$/, digit => digit.startsWith('0') ? '1\n' : '0\n')))
  t.throws(() => readList(files), { code: 'damaged-state' }, 'another digit')
  writeFileSync(files.file, whole)
  writeFileSync(files.keyFile, `${'ab'.repeat(32)}\n`)
  t.throws(() => readList(files), { code: 'bad-credentials', message: /another key/ })
  writeFileSync(files.keyFile, 'secret')
  t.throws(() => readList(files), { code: 'bad-credentials', message: /is no key/ })
  writeFileSync(files.keyFile, key)
  chmodSync(files.keyFile, 0o644)
  t.throws(() => readList(files), { code: 'bad-credentials', message: /0644/ })
  rmSync(files.keyFile)
  t.throws(() => readList(files), { code: 'bad-credentials', message: /is not there/ })
  t.throws(() => { add(files, 'bob') }, { code: 'bad-credentials' }, 'nor is it written over')
})

t.test('without a file it is nobody', async t => {
  t.equal(readList(filesIn(t)).list.count, 0)
})

t.test('a list that is open follows its file, and stays what it was while that is damaged or gone', async t => {
  const files = filesIn(t)
  const ctx = testContext()
  t.teardown(async () => { await ctx.end() })
  const users = openLiveList(files, ctx.log)
  t.teardown(() => { users.close() })
  const errors = (): number => ctx.logged().filter(({ level }) => level === 'error').length

  t.equal(users.isEmpty, true)
  t.equal(users.has('bob'), false)
  add(files, 'bob', 'eve')
  await until('it is noticed', () => users.has('bob'))
  t.equal(users.has('ann'), false)
  copyFileSync(files.file, `${files.file}.good`)
  truncateSync(files.file, 100)
  await until('the error is logged', () => errors() === 1)
  t.equal(users.has('bob'), true, 'damaged')
  rmSync(files.file)
  await until('the error is logged', () => errors() === 2)
  t.equal(users.has('bob'), true, 'gone')
  copyFileSync(`${files.file}.good`, files.file)
  editList(files, (hashes, key) => [...hashes].filter(hash => !hash.equals(key.digest('bob'))))
  users.look()
  t.equal(users.has('bob'), false, 'no longer in it')
  t.equal(users.has('eve'), true)
  t.notMatch(JSON.stringify(ctx.logged()), /bob/)
})
