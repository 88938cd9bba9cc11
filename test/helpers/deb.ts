import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Owner } from './daemon.js'
import { findProgram } from './programs.js'
import { projectRoot } from './shared.js'

const missing = [['dpkg-shlibdeps', 'dpkg-dev'], ['dpkg-deb', 'dpkg'], ['strip', 'binutils']].filter(([program = '']) => findProgram(program) === undefined)

/** What a test says when it is skipped because no package can be built. */
export const needsDpkg = missing.length === 0 ? false : `needs ${missing.map(([program]) => program).join(', ')}: Debian packages ${missing.map(([, name]) => name).join(', ')}`

/** For a package of which only what is in it matters: compressed a little. */
export const quick = { DPKG_DEB_COMPRESSOR_LEVEL: '0' }

export function directoryOf (t: Owner, parent = tmpdir()): string {
  const directory = mkdtempSync(join(parent, 'v-deb-'))
  t.teardown(() => { rmSync(directory, { recursive: true, force: true }) })
  return directory
}

/** As `make deb` builds it, but in a directory of the test's own. Returns its path; throws, with what was printed, if none was built. */
export function buildDeb (t: Owner, environment: Record<string, string> = {}, umask = '022', directory = directoryOf(t)): string {
  // nothing of what make tells those that it runs
  const { MAKEFLAGS, MAKELEVEL, MAKEOVERRIDES, ...inherited } = process.env
  const built = spawnSync('bash', ['-c', `umask ${umask}; exec packaging/debian/build "$1"`, 'bash', directory], { cwd: projectRoot, env: { ...inherited, ...environment }, encoding: 'utf8' })
  if (built.status !== 0) throw new Error(`no package was built: ${built.stdout}${built.stderr}`)
  return built.stdout.trim()
}

/** A later version of a package, in which files are other than they were. Returns its path. */
export function laterVersion (t: Owner, deb: string, version: string, files: Readonly<Record<string, (text: string) => string>>): string {
  const directory = directoryOf(t)
  const root = join(directory, 'root')
  execFileSync('dpkg-deb', ['--raw-extract', deb, root])
  for (const [path, change] of Object.entries({ 'DEBIAN/control': (text: string) => text.replace(/^Version: .*$/m, `Version: ${version}`), ...files })) {
    const before = readFileSync(join(root, path), 'utf8')
    const after = change(before)
    if (after === before) throw new Error(`${path} is as it was`)
    writeFileSync(join(root, path), after)
  }
  const later = join(directory, 'later.deb')
  execFileSync('dpkg-deb', ['--root-owner-group', '-Znone', '--build', root, later], { stdio: ['ignore', 'ignore', 'inherit'] })
  return later
}
