/**
 * What of node_modules a host needs: prints one path a line. Left out is what serves only to install or compile a library, addons
 * for other platforms, and sources, types, tests and documents. Licences stay.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, relative } from 'node:path'

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dependencies?: Record<string, string>, readonly optionalDependencies?: Record<string, string> }>>
}

/** Dependencies of libraries that they use while they are installed or compiled, and types. */
const onlyToInstall = /^(prebuild-install|node-addon-api|nan|@types\/.*)$/

/** Of libraries with native code, what is kept beside the addon that is loaded here. */
const native: Readonly<Record<string, RegExp>> = {
  'better-sqlite3': /^(package\.json|lib\/.*\.js)$/,
  'unix-dgram': /^(package\.json|lib\/.*\.js)$/,
  zeromq: /^(package\.json|lib\/.*\.js|build\/manifest\.json)$/,
  'cmake-ts': /^(package\.json|build\/loader\.js)$/
}

/** Folders at the top of a package, and files. */
const notLoaded = /^(tests?|__tests__|docs?|examples?|bench(marks?)?|coverage|typings)\/|(^|\/)\.[^/]*(\/|$)|\.(ts|mts|cts|map|md|markdown|flow|yml|tsbuildinfo|bnf|jst)$|(^|\/)(Makefile|bin\.mjs|bower\.json|component\.json|tsconfig\.json)$/i
const licence = /(^|\/)(licen[cs]e|copying|notice)[^/]*$/i

/** Relative to `directory`, in order. */
function modulesToInstall (directory: string): string[] {
  const lock = JSON.parse(readFileSync(join(directory, 'package-lock.json'), 'utf8')) as Lock
  const addons = addonsIn(directory)
  return neededBy(lock).sort().flatMap(folder => filesOf(directory, folder, addons))
}

/** Folders of the packages that the project needs while it runs, by the rules by which Node finds them. */
function neededBy ({ packages }: Lock): string[] {
  const found = new Set<string>()
  const find = (name: string, from: string): string | undefined => {
    const path = `${from}${from === '' ? '' : '/'}node_modules/${name}`
    if (packages[path] !== undefined) return path
    return from === '' ? undefined : find(name, from.slice(0, Math.max(0, from.lastIndexOf('node_modules/') - 1)))
  }
  const visit = (folder: string): void => {
    const { dependencies = {}, optionalDependencies = {} } = packages[folder] ?? {}
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const at = onlyToInstall.test(name) ? undefined : find(name, folder)
      if (at === undefined || found.has(at)) continue
      found.add(at)
      visit(at)
    }
  }
  visit('')
  return [...found]
}

/** Which of several a library loads depends on Node and on the C library: it is asked. */
function addonsIn (directory: string): string[] {
  const require = createRequire(join(directory, 'package.json'))
  const Database = require('better-sqlite3') as new (path: string) => { close: () => void }
  new Database(':memory:').close()
  require('unix-dgram')
  require('zeromq')
  return Object.keys(require.cache).filter(path => path.endsWith('.node')).map(path => relative(directory, path))
}

function filesOf (directory: string, folder: string, addons: readonly string[]): string[] {
  const kept = native[folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length)]
  return readdirSync(join(directory, folder), { recursive: true, withFileTypes: true })
    .filter(entry => !entry.isDirectory())
    .map(({ parentPath, name }) => relative(join(directory, folder), join(parentPath, name)))
    .filter(file => !file.startsWith('node_modules/'))
    .filter(file => licence.test(file) || (kept === undefined ? !notLoaded.test(file) : kept.test(file) || addons.includes(`${folder}/${file}`)))
    .sort()
    .map(file => `${folder}/${file}`)
}

process.stdout.write(modulesToInstall(process.cwd()).map(path => `${path}\n`).join(''))
