import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { curveKeyPair } from 'zeromq'
import { generateKeyPair, readClients, readKeyPair, readPublicKey, secretFileText } from '../../lib/zmq/keys.js'
import { decodeZ85, encodeZ85 } from '../../lib/zmq/z85.js'
import { keysIn } from '../helpers/keys.js'

t.test('keys are ZeroMQ\'s own: each public one follows from its secret one', async t => {
  const directory = t.testdir()
  for (let i = 0; i < 20; i++) {
    const { publicKey, secretKey } = curveKeyPair()
    const file = join(directory, `${i}`)
    writeFileSync(file, `secret ${secretKey}\n`, { mode: 0o600 })

    const pair = readKeyPair(file)

    t.equal(pair.publicKey, publicKey)
    t.equal(encodeZ85(pair.secret), secretKey)
  }
})

t.test('Z85 is as in RFC 32, and what is none is refused', async t => {
  t.equal(encodeZ85(Buffer.from('864fd26fb559f75b', 'hex')), 'HelloWorld')
  t.same(decodeZ85(Buffer.from('HelloWorld')), Buffer.from('864fd26fb559f75b', 'hex'))
  t.same(decodeZ85(Buffer.from('%nSc0')), Buffer.alloc(4, 0xff))
  for (const text of ['%nSc1', '#####', 'Hello Worl', 'Hell', 'Hell"']) t.equal(decodeZ85(Buffer.from(text)), null, text)
})

t.test('what is generated is read again', async t => {
  const keys = keysIn(t.testdir(), 'a')

  t.same(readKeyPair(keys.secretFile), { secret: keys.secret, publicKey: keys.publicKey })
  t.equal(readPublicKey(keys.publicFile), keys.publicKey)
})

t.test('a list has keys, names and comments', async t => {
  const file = join(t.testdir(), 'clients')
  const [one, two] = [generateKeyPair().publicKey, generateKeyPair().publicKey]
  const gone = generateKeyPair().publicKey
  writeFileSync(file, `# who\n\n  ${one}\tdb1 at home\r\n#${gone} gone\n# ${gone}\n${two}`)

  t.same([...readClients(file)], [[one, 'db1 at home'], [two, '']])
  t.equal(encodeZ85(Buffer.alloc(4, 0xff))[0], '%', 'no key begins with #')
})

t.test('a file that is no key, or another one, is refused without a word of what is in it', async t => {
  const directory = t.testdir({ empty: '', words: 'hush hush\n', short: 'secret hush\n', 'two.public': '' })
  const { secretFile, publicFile } = keysIn(directory, 'a')
  const other = keysIn(directory, 'b')
  const file = (name: string): string => join(directory, name)
  for (const name of ['empty', 'words', 'short']) chmodSync(file(name), 0o600)
  writeFileSync(file('two.public'), `${other.publicKey}\n${generateKeyPair().publicKey}\n`)
  writeFileSync(file('two.secret'), `${secretFileText(generateKeyPair())}${secretFileText(generateKeyPair())}`, { mode: 0o600 })
  const refused: ReadonlyArray<readonly [read: () => unknown, why: RegExp]> = [
    [() => readKeyPair(file('none')), /curve .*none.*cannot be read/],
    [() => readKeyPair(directory), /regular file/],
    [() => readKeyPair(file('empty')), /is no secret key/],
    [() => readKeyPair(file('words')), /is no secret key/],
    [() => readKeyPair(file('short')), /is no secret key/],
    [() => readKeyPair(file('two.secret')), /is no secret key; it has one line/],
    [() => { chmodSync(publicFile, 0o600); readKeyPair(publicFile) }, /has a public key; name the \.secret file/],
    [() => { chmodSync(secretFile, 0o644); readKeyPair(secretFile) }, /a\.secret has mode 0644.*chmod/],
    [() => readPublicKey(other.secretFile), /server-key .*has a secret key in line 1/],
    [() => readPublicKey(file('two.public')), /has 2 keys; name a file with one/],
    [() => readPublicKey(file('empty')), /has 0 keys/],
    [() => readClients(other.secretFile), /clients .*has a secret key in line 1/],
    [() => readClients(file('words')), /has no public key in line 1/],
    [() => readClients(file('none')), /clients .*cannot be read/],
    [() => { chmodSync(other.publicFile, 0o646); readClients(other.publicFile) }, /mode 0646, so everybody on this host may change it; chmod o-w/]
  ]
  for (const [read, why] of refused) {
    t.throws(read, { name: 'ConfigError', code: 'bad-credentials', message: why }, String(why))
    try {
      read()
    } catch (error) {
      const said = String(error)
      for (const { secret, publicKey } of [other, { secret: readSecretOf(secretFile), publicKey: 'hush' }]) {
        t.notOk(said.includes(encodeZ85(secret)) || said.includes(publicKey), said)
      }
    }
  }
})

/** Whatever its mode. */
function readSecretOf (file: string): Buffer {
  chmodSync(file, 0o600)
  return readKeyPair(file).secret
}
