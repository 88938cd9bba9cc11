import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import t, { type Test } from 'tap'
import { needsDpkg } from '../helpers/package.js'
import { projectRoot } from '../helpers/shared.js'

/** Compressed a little: only whether it is the same matters. */
const quick = { DPKG_DEB_COMPRESSOR_LEVEL: '1' }

t.test('make deb', { skip: needsDpkg }, async t => {
  const deb = build(t)

  t.test('calls it by its name, version and architecture', async t => {
    const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string }

    t.match(basename(deb), new RegExp(`^vanadium_${version.replace('-', '~')}_[a-z0-9]+\\.deb$`))
  })

  // seen to fail with files of the umask, and with the times that they were copied
  t.test('makes the same bits again, with another umask, time zone and language', async t => {
    const again = build(t, { TZ: 'Asia/Tokyo', LC_ALL: 'C.UTF-8' }, '077')

    t.equal(hashOf(again), hashOf(deb))
  })
})

function hashOf (path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}

/** As `make deb` does it, but into a directory of the test's own. Returns its path. */
function build (t: Test, environment: Record<string, string> = {}, umask = '022'): string {
  const directory = mkdtempSync(join(tmpdir(), 'v-deb-'))
  t.teardown(() => { rmSync(directory, { recursive: true }) })
  // nothing of what make tells those that it runs
  const { MAKEFLAGS, MAKELEVEL, MAKEOVERRIDES, ...inherited } = process.env
  const { status, stdout, stderr } = spawnSync('bash', ['-c', `umask ${umask}; exec packaging/debian/build "$1"`, 'bash', directory], { cwd: projectRoot, env: { ...inherited, ...quick, ...environment }, encoding: 'utf8' })
  if (status !== 0) throw new Error(`no package was built: ${stdout}${stderr}`)
  return stdout.trim()
}
