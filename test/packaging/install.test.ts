import { spawnSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { projectRoot } from '../helpers/shared.js'

const to = mkdtempSync(join(tmpdir(), 'v-install-'))
t.teardown(() => { rmSync(to, { recursive: true }) })
const prefix = '/opt/v'

t.test('make install puts everything below DESTDIR and PREFIX, whatever the umask is, and writes nothing where it was built', async t => {
  const before = written(join(projectRoot, 'dist'))

  const { status, stderr } = make('install', '077')

  t.equal(status, 0, stderr)
  t.strictSame(readdirSync(to).sort(), ['etc', 'opt'])
  t.match(run('vanadium', '--version').stdout, /^\d+\.\d+\.\d+\n$/)
  t.match(run('vanadiumctl', '--help').stdout, /^vanadiumctl: /)
  t.match(readFileSync(join(to, prefix, 'lib/systemd/system/vanadium-consumer@.service'), 'utf8'), /^ExecStart=\/opt\/v\/bin\/vanadium /m)
  t.match(readFileSync(join(to, prefix, 'share/man/man1/vanadium-tap.1'), 'utf8'), /\/opt\/v\/share\/doc\/vanadium\//)
  t.match(readFileSync(join(to, prefix, 'share/bash-completion/completions/vanadium'), 'utf8'), /\/opt\/v\/lib\/vanadium\/schemas/)
  t.match(readFileSync(join(to, 'etc/vanadium/registry.yaml'), 'utf8'), /\$schema=\/opt\/v\//)
  t.strictSame(modesOf(to).filter(mode => !/^(drwxr-xr-x|-rw-r--r--|-rwxr-xr-x|lrwxrwxrwx|drwxr-x---)$/.test(mode)), [])
  t.equal(written(join(projectRoot, 'dist')), before)
})

t.test('make install again keeps what is in /etc, replaces the rest, and has nothing left of an older one', async t => {
  const file = join(to, 'etc/vanadium.d/consumers/mysql')
  appendFileSync(file, '# mine\n')
  const stale = join(to, prefix, 'lib/vanadium/dist/lib/gone.js')
  appendFileSync(stale, '')
  appendFileSync(join(to, prefix, 'lib/vanadium/dist/vanadium.js'), 'changed')

  const { status, stdout } = make('install')

  t.equal(status, 0)
  t.match(stdout, /^kept \/etc\/vanadium\.d\/consumers\/mysql$/m)
  t.match(readFileSync(file, 'utf8'), /# mine\n$/)
  t.notOk(existsSync(stale))
  t.match(run('vanadium', '--version').stdout, /^\d/)
})

t.test('make uninstall removes all but /etc', async t => {
  const { status, stderr } = make('uninstall')
  const left = spawnSync('find', [join(to, prefix), '!', '-type', 'd'], { encoding: 'utf8' }).stdout

  t.equal(status, 0, stderr)
  t.equal(left, '')
  t.ok(existsSync(join(to, 'etc/vanadium.d/consumers/mysql')))
})

function make (target: string, umask = '022'): { status: number | null, stdout: string, stderr: string } {
  // nothing of what make tells those that it runs
  const { MAKEFLAGS, MAKELEVEL, MAKEOVERRIDES, ...environment } = process.env
  // what is to be tested is built: tests run from it
  return spawnSync('bash', ['-c', `umask ${umask}; touch dist/.built; exec make --no-print-directory ${target} "DESTDIR=$1" "PREFIX=$2"`, 'bash', to, prefix], { cwd: projectRoot, env: environment, encoding: 'utf8' })
}

function run (name: string, ...args: string[]): { stdout: string } {
  return spawnSync(join(to, prefix, 'bin', name), args, { encoding: 'utf8', env: { PATH: process.env['PATH'] } })
}

function modesOf (directory: string): string[] {
  return [...new Set(spawnSync('find', [directory, '-mindepth', '1', '-printf', '%M\\n'], { encoding: 'utf8' }).stdout.trim().split('\n'))]
}

/** Which files there are, and when they were written; `.built` is a mark of make's. */
function written (directory: string): string {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter(name => name !== '.built').map(name => `${name} ${statSync(join(directory, name)).mtimeMs}`).sort().join('\n')
}
