import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import t from 'tap'
import { vanadium } from '../../commands.js'
import { needsDpkg } from '../helpers/deb.js'
import { builtPackage } from '../helpers/package.js'
import { findProgram } from '../helpers/programs.js'
import { projectRoot } from '../helpers/shared.js'

t.test('the package', { skip: needsDpkg }, async t => {
  const deb = builtPackage()
  const directory = mkdtempSync(join(tmpdir(), 'v-deb-'))
  t.teardown(() => { rmSync(directory, { recursive: true }) })
  const root = join(directory, 'root')
  execFileSync('dpkg-deb', ['--extract', deb, root])
  const entries = execFileSync('dpkg-deb', ['--contents', deb], { encoding: 'utf8' }).trim().split('\n').map(entryOf)
  const files = entries.filter(({ kind }) => kind === '-').map(({ path }) => path)

  t.test('is called by its version and depends on the Node that its libraries are compiled for', async t => {
    const field = (name: string): string => execFileSync('dpkg-deb', ['--field', deb, name], { encoding: 'utf8' }).trim()

    t.equal(field('Version'), (JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string }).version.replace('-', '~'))
    t.match(field('Depends'), /^nodejs \(>= \d+(\.\d+)?\), nodejs \(<< \d+~\), .*libc6 \(>= /)
    t.ok(field('Depends').includes(`nodejs (<< ${Number(process.versions.node.split('.')[0]) + 1}~)`))
  })

  t.test('belongs to root and is written by nobody else; only programs are executable', async t => {
    for (const { mode, owner, path, kind } of entries) {
      const isProgram = /^usr\/lib\/vanadium\/dist\/vanadium(ctl)?\.js$|^etc\/varnish\/vanadium-varnishncsa$/.test(path)
      const expected = { l: 'rwxrwxrwx', d: 'rwxr-xr-x', '-': isProgram ? 'rwxr-xr-x' : 'rw-r--r--' }[kind]
      if (owner !== 'root/root' || mode !== expected) t.fail(`${path}: ${owner} ${mode}`)
    }
    t.ok(entries.length > 500, 'entries were looked at')
  })

  t.test('has what an operator is promised', async t => {
    const expected = [
      'usr/lib/sysusers.d/vanadium.conf', 'usr/lib/tmpfiles.d/vanadium.conf', 'usr/lib/systemd/system-preset/80-vanadium.preset', 'usr/lib/systemd/system/vanadium.target', 'etc/logrotate.d/vanadium', 'etc/sysctl.d/10-vanadium.conf',
      'usr/share/bash-completion/completions/vanadium', 'usr/share/bash-completion/completions/vanadiumctl',
      'usr/share/man/man1/vanadium.1.gz', 'usr/share/man/man5/vanadium.d.5.gz', 'usr/share/man/man8/vanadiumctl.8.gz',
      ...Object.keys(vanadium.commands).map(name => `usr/share/man/man1/vanadium-${name}.1.gz`),
      ...readdirSync(join(projectRoot, 'systemd')).filter(name => /\.(service|target|timer)$/.test(name)).map(name => `usr/lib/systemd/system/${name}`),
      ...filesBelow(join(projectRoot, 'etc')).map(path => `etc/${path}`),
      ...filesBelow(join(projectRoot, 'docs')).map(path => `usr/share/doc/vanadium/${path}`),
      ...filesBelow(join(projectRoot, 'examples')).map(path => `usr/share/doc/vanadium/examples/${path}`),
      ...filesBelow(join(projectRoot, 'schemas')).map(path => `usr/lib/vanadium/schemas/${path}`)
    ]

    t.strictSame(expected.filter(path => !files.includes(path)), [])
    t.strictSame(entries.filter(({ kind }) => kind === 'l').map(({ path, target }) => `${path} ${target ?? ''}`), [
      'usr/bin/vanadium ../lib/vanadium/dist/vanadium.js', 'usr/bin/vanadiumctl ../lib/vanadium/dist/vanadiumctl.js'
    ])
  })

  t.test('keeps all that is in /etc when it is upgraded, and has only what is its own there', async t => {
    const control = join(directory, 'control')
    execFileSync('dpkg-deb', ['--control', deb, control])
    const conffiles = readFileSync(join(control, 'conffiles'), 'utf8').trim().split('\n')

    t.strictSame(conffiles, files.filter(path => path.startsWith('etc/')).map(path => `/${path}`).sort())
    // a neighbour may be in the same folder, but has no file of that name, nor reads it unasked
    t.strictSame(conffiles.filter(path => !/vanadium/.test(path)), [])
    t.notMatch(conffiles, /conf\.d\/|\.cnf$|\.key$/)
  })

  t.test('has nothing that serves only to develop, compile or install, nor for other platforms', async t => {
    const { devDependencies, dependencies } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as Record<string, Record<string, string>>
    const libraries = new Set(files.flatMap(path => /^usr\/lib\/vanadium\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []))

    t.strictSame(Object.keys(devDependencies ?? {}).filter(name => libraries.has(name)), [])
    t.strictSame(Object.keys(dependencies ?? {}).filter(name => !libraries.has(name)), [])
    t.strictSame(files.filter(path => path.startsWith('usr/lib/vanadium') && /\.(ts|map|c|cc|cpp|h|gyp|md)$|\/(test|tests|bench|packaging|src)\/|darwin|win32/.test(path) && !/licen[cs]e/i.test(path) && !/(debug|ms|fecha)\/src/.test(path)), [])
    t.equal(files.filter(path => path.endsWith('.node')).length, 3)
    t.ok(statSync(deb).size < 6e6, `${statSync(deb).size} bytes`)
  })

  t.test('tells nothing of the machine that it was built on', async t => {
    const { stdout } = spawnSync('grep', ['-rlF', projectRoot, root], { encoding: 'utf8' })

    t.equal(stdout, '')
  })

  // seen to fail with the folder dist/doc of a library left out, and with another addon than is loaded
  t.test('has every module that its own ones import', async t => {
    const library = join(root, 'usr', 'lib', 'vanadium')
    const modules = filesBelow(join(library, 'dist')).filter(path => path.endsWith('.js') && !/^vanadium(ctl)?\.js$/.test(path) && !/worker|child/.test(path))
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', `
      for (const path of process.argv.slice(1)) await import(path)
      process.exit(0)`, ...modules.map(path => join(library, 'dist', path))], { encoding: 'utf8', env: { PATH: process.env['PATH'] } })

    t.ok(modules.length > 100, 'modules were found')
    t.equal(stderr, '')
    t.equal(status, 0)
  })

  // seen to fail without an override, and with a page that man complains of
  t.test('has nothing that lintian calls an error, nor a warning that is not answered', { skip: findProgram('lintian') === undefined ? 'needs lintian: Debian package lintian' : false }, async t => {
    const { status, stdout } = spawnSync('lintian', ['--allow-root', '--fail-on', 'error,warning', deb], { encoding: 'utf8' })

    t.equal(stdout, '')
    t.equal(status, 0)
  })
})

interface Entry {
  readonly kind: string
  readonly mode: string
  readonly owner: string
  readonly path: string
  readonly target?: string
}

/** `-rw-r--r-- root/root  12 2014-05-21 09:31 ./etc/x`. */
function entryOf (line: string): Entry {
  const [, kind = '', mode = '', owner = '', path = '', target] = /^(.)(\S+) (\S+) +\d+ \S+ \S+ \.\/(.*?)(?: -> (.*))?$/.exec(line) ?? []
  return { kind, mode, owner, path, ...(target === undefined ? {} : { target }) }
}

function filesBelow (directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile()).map(({ parentPath, name }) => relative(directory, join(parentPath, name)))
}
