import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { projectRoot } from './shared.js'

/** What a test says when it is skipped because no package can be built. */
export const needsDpkg = ['dpkg-deb', 'dpkg-shlibdeps', 'strip', 'make'].every(command => spawnSync(command, ['--version']).status === 0)
  ? false
  : 'needs dpkg-deb, dpkg-shlibdeps, strip and make: Debian packages dpkg-dev, binutils and make'

/** What a package is made of. */
const sources = ['dist', 'docs', 'etc', 'examples', 'packaging', 'schemas', 'systemd', 'CHANGELOG.md', 'Makefile', 'README.md', 'package.json', 'package-lock.json']
const notPackaged = ['dist/test', 'dist/bench', 'dist/.tsbuildinfo', 'dist/.built']

/**
 * The path of a Debian package of this checkout, as `make deb` makes it; made when something that goes into it has changed. One test
 * makes it, others that come meanwhile wait.
 */
export function builtPackage (version: string): string {
  const kept = join(projectRoot, 'build', 'tests')
  const deb = join(kept, `${digest()}_${version}.deb`)
  mkdirSync(kept, { recursive: true })
  if (!existsSync(deb)) {
    // what is older is of no use any more; what is to be tested is built: tests run from it
    const commands = 'test -e "$1" || { rm -f "$3"/*_"$2".deb; touch dist/.built; made=$(make --no-print-directory -s deb VERSION="$2" | tail -n 1); mv "$made" "$1"; }'
    execFileSync('flock', [join(kept, 'lock'), 'bash', '-eu', '-o', 'pipefail', '-c', commands, 'bash', deb, version, kept], { cwd: projectRoot, stdio: ['ignore', 'ignore', 'pipe'] })
  }
  return deb
}

function digest (): string {
  const hash = createHash('sha256')
  for (const path of sources.flatMap(source => filesOf(join(projectRoot, source))).sort()) {
    hash.update(`${relative(projectRoot, path)}\0`)
    hash.update(statSync(path, { throwIfNoEntry: false }) === undefined ? readlinkSync(path) : readFileSync(path))
  }
  return hash.digest('hex').slice(0, 16)
}

function filesOf (path: string): string[] {
  if (notPackaged.includes(relative(projectRoot, path)) || path.endsWith('.map')) return []
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path).flatMap(name => filesOf(join(path, name)))
}
