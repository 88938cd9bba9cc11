import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { buildDeb, needsDpkg } from '../helpers/deb.js'
import { findProgram } from '../helpers/programs.js'

t.test('make deb', { skip: needsDpkg }, async t => {
  const deb = buildDeb(t)

  // seen to fail with files of the umask, and with the times that they were copied
  t.test('makes the same bits again, with another umask, time zone and language', async t => {
    const again = buildDeb(t, { TZ: 'Asia/Tokyo', LC_ALL: 'C.UTF-8' }, '077')

    t.equal(hashOf(again), hashOf(deb))
  })

  // seen to fail without an override, and with a page that man complains of
  t.test('makes what lintian finds no error in, and no warning that is not answered', { skip: findProgram('lintian') === undefined ? 'needs lintian: Debian package lintian' : false }, async t => {
    const { status, stdout } = spawnSync('lintian', ['--allow-root', '--fail-on', 'error,warning', deb], { encoding: 'utf8' })

    t.equal(stdout, '')
    t.equal(status, 0)
  })
})

function hashOf (path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}
