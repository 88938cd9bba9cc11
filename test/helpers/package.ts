import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { quick } from './deb.js'
import { projectRoot } from './shared.js'

/** What a package is made of. */
const sources = ['dist', 'docs', 'etc', 'examples', 'packaging', 'schemas', 'systemd', 'CHANGELOG.md', 'Makefile', 'README.md', 'package.json', 'package-lock.json']
const notPackaged = ['dist/test', 'dist/bench', 'dist/.tsbuildinfo', 'dist/.built']

/**
 * The path of a Debian package of this checkout, compressed a little, as `make deb` makes it; made when something that goes into it has
 * changed. One test makes it, others that come meanwhile wait.
 */
export function builtPackage (): string {
  const kept = join(projectRoot, 'build', 'tests')
  const deb = join(kept, `${digest()}.deb`)
  mkdirSync(kept, { recursive: true })
  if (!existsSync(deb)) {
    // what is older is of no use any more; what is to be tested is built: tests run from it
    const commands = 'test -e "$1" || { rm -rf "$2"/*.deb "$2/new"; mkdir "$2/new"; touch dist/.built; mv "$(packaging/debian/build "$2/new" | tail -n 1)" "$1"; }'
    // nothing of what make tells those that it runs
    const { MAKEFLAGS, MAKELEVEL, MAKEOVERRIDES, ...environment } = process.env
    execFileSync('flock', [join(kept, 'lock'), 'bash', '-eu', '-o', 'pipefail', '-c', commands, 'bash', deb, kept], { cwd: projectRoot, env: { ...environment, ...quick }, stdio: ['ignore', 'ignore', 'pipe'] })
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
