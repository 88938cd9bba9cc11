import { execFile } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { readKeyPair, readPublicKey } from '../../lib/zmq/keys.js'
import { executable } from '../helpers/daemon.js'
import { projectRoot } from '../helpers/shared.js'
import { shortDirectory } from '../helpers/streams.js'

interface Result {
  readonly code: number
  readonly printed: string
  readonly errors: string
}

/** Runs `vanadium keygen` under a umask. */
async function keygen (args: readonly string[], { umask = '022', cwd = projectRoot } = {}): Promise<Result> {
  return await new Promise(resolve => {
    execFile('sh', ['-c', 'umask "$0"; exec "$@"', umask, process.execPath, executable, 'keygen', ...args], { cwd }, (error, printed, errors) => {
      resolve({ code: error === null ? 0 : Number(error.code), printed, errors })
    })
  })
}

function modeOf (path: string): string {
  return (statSync(path).mode & 0o7777).toString(8)
}

t.test('a pair of files, which the streams take; modes are the same under any umask; the secret is not shown', async t => {
  for (const umask of ['000', '077']) {
    const directory = shortDirectory(t)
    const [secret, open] = [join(directory, 'collector.secret'), join(directory, 'collector.public')]

    const { code, printed, errors } = await keygen(['--out', directory, 'collector'], { umask })

    t.equal(code, 0, errors)
    t.same([modeOf(secret), modeOf(open)], ['600', '644'], `umask ${umask}`)
    t.equal(readKeyPair(secret).publicKey, readPublicKey(open))
    t.ok(printed.includes(`${readPublicKey(open)} collector\n`))
    t.ok(printed.includes(`&curve=${secret}&clients=`))
    t.ok(printed.includes(`&curve=${secret}&server-key=`))
    t.notOk((printed + errors).includes(readFileSync(secret, 'utf8').slice('secret '.length).trim()))
  }
})

t.test('nothing is written over, whichever of the two is there, and none of several is made', async t => {
  for (const there of ['b.secret', 'b.public']) {
    const directory = shortDirectory(t)
    writeFileSync(join(directory, there), 'precious')

    const { code, errors } = await keygen(['a', 'b', '--out', directory])

    t.equal(code, 78)
    t.match(errors, new RegExp(`${there} is there, and keys are not written over`))
    t.same(readdirSync(directory), [there])
    t.equal(readFileSync(join(directory, there), 'utf8'), 'precious')
  }
})

t.test('several at once; without a name, as the host, in this directory', async t => {
  const directory = shortDirectory(t)

  t.equal((await keygen(['a', 'b', '--out', directory])).code, 0)
  t.equal((await keygen([], { cwd: directory })).code, 0)

  const host = hostname().replace(/\..*/, '')
  t.same(readdirSync(directory).sort(), ['a', 'b', host].flatMap(name => [`${name}.public`, `${name}.secret`]).sort())
  t.not(readPublicKey(join(directory, 'a.public')), readPublicKey(join(directory, 'b.public')))
})

t.test('in a directory that root keeps for a group, the group may read them', { skip: process.getuid?.() !== 0 && 'only root can give files away' }, async t => {
  const directory = join(shortDirectory(t), 'keys')
  mkdirSync(directory)
  chownSync(directory, 0, 1235)

  t.equal((await keygen(['--out', directory, 'a'])).code, 0)

  for (const file of ['a.secret', 'a.public']) t.match(statSync(join(directory, file)), { uid: 0, gid: 1235 })
  t.same([modeOf(join(directory, 'a.secret')), modeOf(join(directory, 'a.public'))], ['640', '644'])
})

t.test('made by root, they belong to the owner of the directory', { skip: process.getuid?.() !== 0 && 'only root can give files away' }, async t => {
  const directory = join(shortDirectory(t), 'keys')
  mkdirSync(directory)
  chownSync(directory, 1234, 1235)

  t.equal((await keygen(['--out', directory, 'a'])).code, 0)

  for (const file of ['a.secret', 'a.public']) t.match(statSync(join(directory, file)), { uid: 1234, gid: 1235 })
})

t.test('what cannot be is refused', async t => {
  const directory = shortDirectory(t)
  for (const [args, why] of [
    [['../x', '--out', directory], /the name .*\.\.\/x/],
    [['.x', '--out', directory], /begins with no dot/],
    [['a', 'a', '--out', directory], /given twice/],
    [['a', '--out', join(directory, 'none')], /cannot be made.*--out DIR/]
  ] as const) {
    const { code, errors } = await keygen(args)
    t.equal(code, 78)
    t.match(errors, why)
  }
  t.notOk(existsSync(join(directory, 'x.secret')))
  t.same(readdirSync(directory), [])
})
