/**
 * What of node_modules a host needs: prints one path a line. Arguments: the libc (glibc or musl) is that of this machine.
 * Left out is what serves only to install or compile a library, addons for other platforms, and sources, types, tests and documents.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dependencies?: Record<string, string>, readonly optionalDependencies?: Record<string, string> }>>
}

/** Dependencies of libraries that they use while they are installed or compiled, and types. */
const onlyToInstall = /^(prebuild-install|node-addon-api|nan|@types\/.*)$/

/** Of libraries with native code: what is loaded, and the licence. */
const native: Readonly<Record<string, RegExp>> = {
  'better-sqlite3': /^(package\.json|LICENSE|lib\/.*\.js|build\/Release\/better_sqlite3\.node)$/,
  'unix-dgram': /^(package\.json|LICENSE|lib\/.*\.js|build\/Release\/unix_dgram\.node)$/,
  zeromq: new RegExp(`^(package\\.json|LICENSE.*|lib/.*\\.js|build/manifest\\.json|build/${process.platform}/${process.arch}/node/${libc()}-(${abis()})-Release/addon\\.node)$`),
  'cmake-ts': /^(package\.json|build\/loader\.js)$/
}

/** Folders at the top of a package, and files. */
const notLoaded = /^(tests?|__tests__|docs?|examples?|bench(marks?)?|coverage|typings)\/|(^|\/)\.[^/]*(\/|$)|\.(ts|mts|cts|map|md|markdown|flow|yml|tsbuildinfo|bnf|jst)$|(^|\/)(Makefile|bower\.json|component\.json|tsconfig\.json)$/i
const licence = /(^|\/)(licen[cs]e|copying|notice)[^/]*$/i

/** Paths below `directory`, in order, of everything that the installed libraries load. */
export function modulesToInstall (directory: string): string[] {
  const lock = JSON.parse(readFileSync(join(directory, 'package-lock.json'), 'utf8')) as Lock
  return reachable(lock).sort().flatMap(folder => filesOf(join(directory, folder), folder))
}

/** Folders of the packages that the project needs while it runs, by the rules by which Node finds them. */
function reachable ({ packages }: Lock): string[] {
  const found = new Set<string>()
  const visit = (folder: string): void => {
    const { dependencies = {}, optionalDependencies = {} } = packages[folder] ?? {}
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      if (onlyToInstall.test(name)) continue
      const at = find(name, folder)
      if (at === undefined || found.has(at)) continue
      found.add(at)
      visit(at)
    }
  }
  const find = (name: string, from: string): string | undefined => {
    const path = `${from}${from === '' ? '' : '/'}node_modules/${name}`
    if (packages[path] !== undefined) return path
    return from === '' ? undefined : find(name, from.slice(0, Math.max(0, from.lastIndexOf('node_modules/') - 1)))
  }
  visit('')
  return [...found]
}

function filesOf (path: string, folder: string): string[] {
  const wanted = native[folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length)]
  const files = readdirSync(path, { recursive: true, withFileTypes: true })
    .filter(entry => !entry.isDirectory())
    .map(({ parentPath, name }) => join(parentPath, name).slice(path.length + 1))
    .filter(file => !file.startsWith('node_modules/'))
  return files.filter(file => wanted === undefined ? licence.test(file) || !notLoaded.test(file) : wanted.test(file)).sort().map(file => `${folder}/${file}`)
}

/** That of this Node, which the other libraries are compiled for; all, if there is none for it: they work with newer ones. */
function abis (): string {
  const { modules } = process.versions
  const made = `node_modules/zeromq/build/${process.platform}/${process.arch}/node/${libc()}-${modules}-Release`
  return existsSync(made) ? modules : '\\d+'
}

function libc (): string {
  const report = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } }
  return report.header.glibcVersionRuntime === undefined ? 'musl' : 'glibc'
}

process.stdout.write(modulesToInstall(process.cwd()).map(path => `${path}\n`).join(''))
