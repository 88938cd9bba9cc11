import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import { buildDeb, needsDpkg, quick } from '../helpers/deb.js'
import { projectRoot } from '../helpers/shared.js'

t.test('make deb', { skip: needsDpkg }, async t => {
  const deb = buildDeb(t, quick)

  t.test('calls it by its name, version and architecture', async t => {
    const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string }

    t.match(basename(deb), new RegExp(`^vanadium_${version.replace('-', '~')}_[a-z0-9]+\\.deb$`))
  })

  // seen to fail with files of the umask, and with the times that they were copied
  t.test('makes the same bits again, with another umask, time zone and language', async t => {
    const again = buildDeb(t, { ...quick, TZ: 'Asia/Tokyo', LC_ALL: 'C.UTF-8' }, '077')

    t.equal(hashOf(again), hashOf(deb))
  })
})

function hashOf (path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}
