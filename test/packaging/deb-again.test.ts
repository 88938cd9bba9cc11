import { createHash } from 'node:crypto'
import { chmodSync, existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import { buildDeb, directoryOf, needsDpkg, quick } from '../helpers/deb.js'
import { projectRoot } from '../helpers/shared.js'

t.test('make deb', { skip: needsDpkg }, async t => {
  const deb = buildDeb(t, quick)

  t.test('calls it by its name, version and architecture', async t => {
    const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string }

    t.match(basename(deb), new RegExp(`^vanadium_${version.replace('-', '~')}_[a-z0-9]+\\.deb$`))
  })

  // seen to fail with files of the umask, and with the times that they were copied
  t.test('makes the same bits again, with another umask, time zone and language, on another file system, in the folder of a group', async t => {
    const elsewhere = directoryOf(t, existsSync('/dev/shm') ? '/dev/shm' : undefined)
    chmodSync(elsewhere, 0o2755)

    const again = buildDeb(t, { ...quick, TZ: 'Asia/Tokyo', LC_ALL: 'C.UTF-8' }, '077', elsewhere)

    t.equal(hashOf(again), hashOf(deb))
  })

  t.test('passes on what dpkg-shlibdeps has to say', async t => {
    const programs = t.testdir({ 'dpkg-shlibdeps': '#!/bin/sh\necho "no dependency information found for /opt/libodd.so.1" >&2\nexit 2\n' })
    chmodSync(join(programs, 'dpkg-shlibdeps'), 0o755)

    t.throws(() => buildDeb(t, { ...quick, PATH: `${programs}:${process.env['PATH'] ?? ''}` }), { message: /libraries that the addons need:\n.*libodd\.so\.1/ })
  })
})

function hashOf (path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}
