import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, lchownSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ConfigError } from '../../lib/errors.js'
import { checkSecret, exposureOf, findSecret, isSecretThere, placeOfSecret, readSecret, takeCredentialsFrom, withPassword } from '../../lib/file/secret-file.js'

const needsRoot = process.geteuid?.() === 0 ? false : 'needs root, to give a file away'

/** A file with a secret that nobody else may read. */
function newSecret (t: Test, text = 'sEcReT\n', name = 'key'): string {
  const path = join(t.testdir({}), name)
  writeFileSync(path, text, { mode: 0o600 })
  return path
}

t.test('a file that only its owner, or its group as well, may read is read', async t => {
  const path = newSecret(t)

  for (const mode of [0o400, 0o600, 0o440, 0o640]) {
    chmodSync(path, mode)
    t.equal(readSecret(path).toString(), 'sEcReT\n', mode.toString(8))
  }
})

t.test('a file that others may read or change is refused with its mode, its owner and what to do; never with what it says', async t => {
  const cases: Array<[number, RegExp]> = [
    [0o644, /has mode 0644 and belongs to user \d+, but everybody on this host may read it; chmod 0640 /],
    [0o604, /everybody on this host may read it; chmod 0600 /],
    [0o642, /everybody on this host may change it/],
    [0o601, /everybody/],
    [0o660, /but its group may change it; chmod g-w /]
  ]
  const path = newSecret(t)

  for (const [mode, message] of cases) {
    chmodSync(path, mode)
    for (const read of [readSecret, checkSecret, findSecret]) {
      const error = t.throws(() => { read(path, { what: '--key' }) }, ConfigError) as unknown as ConfigError
      t.match(error, { code: 'bad-credentials', message })
      t.ok(error.message.startsWith(`--key ${path} has mode`) && error.message.endsWith(path), error.message)
      t.notMatch(error.message, /sEcReT/)
    }
    t.ok(readSecret(path, { isSecret: bytes => bytes.includes('password') }), 'what is no secret may be read by everybody')
  }
})

t.test('what is no file is refused, and does not hang; nor is a large one read', async t => {
  const directory = t.testdir({})
  const [pipe, large] = [join(directory, 'pipe'), join(directory, 'large')]
  execFileSync('mkfifo', ['-m', '600', pipe])
  writeFileSync(large, '', { mode: 0o600 })
  truncateSync(large, 1e12)

  t.throws(() => readSecret(pipe), { code: 'bad-credentials', message: /is not a regular file/ })
  t.throws(() => readSecret(directory), { code: 'bad-credentials', message: /is not a regular file/ })
  t.throws(() => readSecret('/dev/zero'), { code: 'bad-credentials', message: /is not a regular file/ })
  t.throws(() => readSecret(large), { code: 'bad-credentials', message: /has 1000000000000 bytes; give at most 1048576/ })
  t.throws(() => readSecret(join(directory, 'none')), { code: 'bad-credentials', message: /there is no such file; .*LoadCredential=none:/ })
  t.equal(findSecret(join(directory, 'none')), null)
})

t.test('a link to a private file is as good as the file, but not where a daemon makes the key itself', async t => {
  const path = newSecret(t)
  symlinkSync(path, `${path}.link`)

  t.equal(readSecret(`${path}.link`).toString(), 'sEcReT\n')
  t.throws(() => readSecret(`${path}.link`, { isOwn: true }), { code: 'bad-credentials', message: /is a symbolic link/ })
})

t.test('of somebody else neither a file nor a link is taken; by root any private file', { skip: needsRoot }, async t => {
  const path = newSecret(t)
  const link = `${path}.link`
  symlinkSync(path, link)
  lchownSync(link, 65534, 65534)
  t.throws(() => readSecret(link), { code: 'bad-credentials', message: /is a symbolic link of user 65534/ })

  chownSync(path, 65533, 65534)
  chmodSync(path, 0o640)
  t.equal(readSecret(path).toString(), 'sEcReT\n', 'to root')
  t.throws(() => readSecret(path, { isOwn: true }), { code: 'bad-credentials', message: /mode 0640/ })
})

t.test('a daemon takes a file from root and from itself, not from another user of its group', t => {
  const path = newSecret(t)

  t.equal(exposureOf(path, { mode: 0o100640, uid: 0 }, false, 64000), null)
  t.equal(exposureOf(path, { mode: 0o100640, uid: 64000 }, false, 64000), null)
  t.match(exposureOf(path, { mode: 0o100640, uid: 64001 }, false, 64000), /mode 0640 and belongs to user 64001, who may change it; chown root /)
  t.match(exposureOf(path, { mode: 0o100600, uid: 64001 }, true, 64000), /chown 64000 /)
  t.equal(exposureOf(path, { mode: 0o100640, uid: 64001 }, false, 0), null, 'root may use what is anybody\'s')
  t.end()
})

t.test('a credential of the file\'s name goes before the file; one that the unit only sets as a default does not', async t => {
  const path = newSecret(t, 'file', 'my.cnf')
  const credentials = join(t.testdirName, 'credentials')
  mkdirSync(credentials)
  t.teardown(() => { takeCredentialsFrom(undefined) })

  takeCredentialsFrom(credentials)
  t.equal(readSecret(path).toString(), 'file', 'there is none')
  writeFileSync(join(credentials, 'my.cnf'), 'credential', { mode: 0o400 })
  t.equal(readSecret(path).toString(), 'credential')
  t.equal(readSecret('/nowhere/my.cnf').toString(), 'credential', 'which the file need not be there for')
  t.ok(isSecretThere('/nowhere/my.cnf'))
  t.equal(readSecret(path, { isOwn: true }).toString(), 'file', 'but what daemons make for themselves is no credential')

  chmodSync(join(credentials, 'my.cnf'), 0o600)
  writeFileSync(join(credentials, 'my.cnf'), '-')
  t.equal(placeOfSecret(path), path, 'SetCredential=my.cnf:-')
  t.equal(readSecret(path).toString(), 'file')
  t.notOk(isSecretThere('/nowhere/my.cnf'))

  chmodSync(join(credentials, 'my.cnf'), 0o644)
  writeFileSync(join(credentials, 'my.cnf'), 'exposed')
  t.throws(() => readSecret(path), { code: 'bad-credentials', message: new RegExp(`^${credentials}/my.cnf has mode 0644`) })
})

t.test('a password from a file gets into a URL whatever is in it', async t => {
  const path = newSecret(t, 'p@ss/w:rd %#?\n')

  t.equal(decodeURIComponent(new URL(withPassword('smtps://me@mail.example.org:465', path, 'x')).password), 'p@ss/w:rd %#?')
  t.equal(withPassword('smtp://mail.example.org', null, 'x'), 'smtp://mail.example.org')
})
