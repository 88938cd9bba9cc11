import { fstatSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync, writeSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createFile, openNameless } from '../../lib/file/nameless.js'
import { shortDirectory } from '../helpers/streams.js'

t.test('a file without a name is in no directory', async t => {
  const directory = shortDirectory(t)
  const fd = openNameless(directory)
  writeSync(fd, 'x')

  t.strictSame(readdirSync(directory), [])
  t.match(fstatSync(fd), { nlink: 0, size: 1 })
  t.equal(fstatSync(fd).dev, statSync(directory).dev)
})

t.test('a new file has its name when it is whole, with the mode of another', async t => {
  const directory = shortDirectory(t)
  const like = join(directory, 'like')
  writeFileSync(like, '', { mode: 0o640 })
  const path = join(directory, 'it is "new"')
  const file = createFile(path, statSync(like))
  writeSync(file.fd, 'whole')
  const before = readdirSync(directory)
  file.publish()
  file.discard()

  t.strictSame(before, ['like'])
  t.strictSame(readdirSync(directory), ['it is "new"', 'like'])
  t.equal(readFileSync(path, 'utf8'), 'whole')
  t.match(statSync(path), { mode: statSync(like).mode, nlink: 1 })
})

t.test('where a file must have a name, that is a hidden one until it is whole', async t => {
  const directory = shortDirectory(t)
  const [path, like] = [join(directory, 'file'), statSync(directory)]
  // without ln(1) no name can be given to what has none
  const { PATH } = process.env
  t.teardown(() => { process.env['PATH'] = PATH })
  process.env['PATH'] = '/nowhere'
  const [file, given] = [createFile(path, like), createFile(join(directory, 'given up'), like)]
  writeSync(file.fd, 'whole')
  const before = readdirSync(directory)
  file.publish()
  given.discard()

  t.strictSame(before, [`.file.${process.pid}`, `.given up.${process.pid}`])
  t.strictSame(readdirSync(directory), ['file'])
  t.equal(readFileSync(path, 'utf8'), 'whole')
  t.equal(statSync(path).nlink, 1)
})

t.test('it takes the place of no other, and what is given up leaves nothing', async t => {
  const directory = shortDirectory(t)
  const path = join(directory, 'file')
  const like = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, mode: 0o644 } as Stats
  const late = createFile(path, like)
  createFile(path, like).discard()
  const first = createFile(path, like)
  writeSync(first.fd, 'first')
  first.publish()

  t.throws(() => { late.publish() }, { code: 'cannot-write', message: /file was made by somebody else meanwhile/ })
  const link = join(directory, 'link')
  symlinkSync(join(directory, 'nothing'), link)
  t.throws(() => createFile(link, like), { code: 'bad-option', message: /link is there already; name a new file/ })
  rmSync(link)
  t.throws(() => createFile(path, like), { code: 'bad-option', message: /file is there already; name a new file/ })
  t.equal(readFileSync(path, 'utf8'), 'first')
  t.strictSame(readdirSync(directory), ['file'])
})
