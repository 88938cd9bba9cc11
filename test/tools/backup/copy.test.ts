import { appendFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { openDraft, type DraftWriter } from '../../../lib/backup/draft-writer.js'
import { draftName } from '../../../lib/backup/draft.js'
import { countOf } from '../../../lib/backup/sums.js'
import { copyFile } from '../../../tools/backup/copy.js'
import { linesFrom } from '../../helpers/backup-host.js'

async function openCopy (directory: string): Promise<{ file: string, draft: DraftWriter }> {
  const file = join(directory, 'copy')
  return { file, draft: await openDraft(file) }
}

t.test('one that is stopped while it is added up is none', async t => {
  const directory = t.testdir()
  const path = join(directory, 'a.log.gz')
  const some = linesFrom(0, 1000, 1_790_000_000_000)
  writeFileSync(path, gzipSync(some.repeat(200), { level: 1 }))
  const { file, draft } = await openCopy(directory)
  const stop = new AbortController()
  // adding up takes a second; it has begun by then
  const stopping: DraftWriter = {
    ...draft,
    async write (chunks) {
      await draft.write(chunks)
      void sleep(5).then(() => { stop.abort() })
    }
  }

  await t.rejects(copyFile(file, stopping, { path, stat: statSync(path, { bigint: true }), isLive: false }, stop.signal), { name: 'StreamError', code: 'stopped' })

  t.equal(statSync(draftName(file)).size, statSync(path).size, 'all of it was copied')
  await draft.drop()
})

t.test('what is copied is the file that was looked at', async t => {
  const directory = t.testdir()
  const path = join(directory, 'a.log')
  writeFileSync(path, linesFrom(0, 3, 1_790_000_000_000))
  const stat = statSync(path, { bigint: true })
  renameSync(path, `${path}.1`)
  writeFileSync(path, linesFrom(3, 9, 1_790_000_000_000))
  const { file, draft } = await openCopy(directory)

  await t.rejects(copyFile(file, draft, { path, stat, isLive: true }, new AbortController().signal), { code: 'cannot-read', message: /a\.log was renamed, or replaced, meanwhile/ })
  await draft.drop()
})

t.test('of a log that is being written whole lines are copied, however long the last one is', async t => {
  const directory = t.testdir()
  const path = join(directory, 'a.log')
  const lines = linesFrom(0, 3, 1_790_000_000_000)
  for (const rest of ['', 'x', 'x'.repeat(65_535), 'x'.repeat(65_536), 'x'.repeat(200_000)]) {
    writeFileSync(path, lines + rest)
    const stat = statSync(path, { bigint: true })
    appendFileSync(path, 'y\n')
    const { file, draft } = await openCopy(directory)

    const { bytes, content } = await copyFile(file, draft, { path, stat, isLive: true }, new AbortController().signal)

    t.equal(bytes, lines.length, `${rest.length} more`)
    t.equal(countOf(content.hours), 3)
    t.equal(statSync(draftName(file)).size, lines.length)
    await draft.drop()
  }
  writeFileSync(path, 'x'.repeat(200_000))
  const { file, draft } = await openCopy(directory)
  t.match(await copyFile(file, draft, { path, stat: statSync(path, { bigint: true }), isLive: true }, new AbortController().signal), { bytes: 0, content: { head: '' } })
  await draft.drop()
})
