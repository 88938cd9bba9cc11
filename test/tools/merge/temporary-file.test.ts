import t from 'tap'
import { TemporaryFile } from '../../../tools/merge/temporary-file.js'
import { shortDirectory } from '../../helpers/streams.js'

t.test('what cannot be read of a temporary file is a failure of the disk, not a bug', async t => {
  const directory = shortDirectory(t)
  const file = new TemporaryFile(directory)
  t.teardown(() => { file.close() })
  file.append(Buffer.from('abc'))
  const read = Buffer.alloc(2)
  file.read(read, 1)

  t.equal(read.toString(), 'bc')
  t.throws(() => { file.read(read, 2) }, { code: 'cannot-read', message: `a temporary file in ${directory} ends too early` })
  file.close()
  t.throws(() => { file.read(read, 1) }, { code: 'cannot-read', message: new RegExp(`a temporary file in ${directory} cannot be read: EBADF`) })
})
