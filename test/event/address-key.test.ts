import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { createHmac, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ConfigError } from '../../lib/errors.js'
import { currentKey } from '../../lib/event/address-key.js'

const start = Date.UTC(2014, 4, 21)
const maxAgeMs = 90 * 24 * 3600 * 1000

/** A place for a key, in a folder that is not there yet. */
function newKeyFile (t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'vanadium-address-'))
  t.teardown(() => { rmSync(directory, { recursive: true }) })
  return join(directory, 'run', 'address.key')
}

function writeKey (file: string, size = 64): void {
  writeFileSync(file, randomBytes(size), { mode: 0o600 })
}

t.test('a file that is not a private key of this user is refused with what to do', async t => {
  const cases: Array<[string, (file: string) => void, RegExp]> = [
    ['readable by others', file => { writeKey(file); chmodSync(file, 0o640) }, /has mode 0640.*chmod 600/],
    ['too short', file => { writeKey(file, 63) }, /has 63 bytes, a key has 64.*chmod 600/],
    ['too long', file => { writeKey(file, 65) }, /has 65 bytes/],
    ['a symbolic link', file => { writeKey(`${file}.real`); symlinkSync(`${file}.real`, file) }, /is a symbolic link/],
    ['a dangling link', file => { symlinkSync(`${file}.real`, file) }, /is a symbolic link/],
    ['a directory', file => { mkdirSync(file) }, /is not a regular file/],
    ['a pipe', file => { execFileSync('mkfifo', [file]) }, /is not a regular file/],
    ['in a folder that is a file', file => { rmSync(join(file, '..'), { recursive: true }); writeFileSync(join(file, '..'), '') }, /ENOTDIR|EEXIST/]
  ]
  for (const [what, prepare, message] of cases) {
    const keyFile = newKeyFile(t)
    mkdirSync(join(keyFile, '..'))
    prepare(keyFile)
    const error = t.throws(() => currentKey(keyFile, maxAgeMs, start), ConfigError, what)
    t.match(error, { code: 'bad-credentials', message }, what)
    t.notOk(existsSync(`${keyFile}.new`), 'nothing was made')
  }
})

t.test('a file of another user is refused', { skip: process.geteuid?.() !== 0 && 'needs root, to give a file away' }, async t => {
  const keyFile = newKeyFile(t)
  mkdirSync(join(keyFile, '..'))
  writeKey(keyFile)
  chownSync(keyFile, 65534, 65534)

  const error = t.throws(() => currentKey(keyFile, maxAgeMs, start), ConfigError)

  t.match(error, { code: 'bad-credentials', message: /belongs to user 65534, who may change it; chown 0 / })
})

t.test('what a killed process left half-way is replaced', async t => {
  const keyFile = newKeyFile(t)
  mkdirSync(join(keyFile, '..'))
  writeKey(`${keyFile}.new`, 10)

  const { secret } = currentKey(keyFile, maxAgeMs, start)

  t.strictSame(secret, readFileSync(keyFile))
  t.notOk(existsSync(`${keyFile}.new`))
})

t.test('processes that start at once, and renew at once, agree on every key', async t => {
  const keyFile = newKeyFile(t)
  const processes = Array.from({ length: 6 }, () => hashingProcess(keyFile))
  t.teardown(() => { for (const { child } of processes) child.kill('SIGKILL') })
  await Promise.all(processes.map(async ({ ready }) => { await ready }))

  const rounds: string[][] = []
  // the first round makes the file, the next ones renew it
  for (let round = 0; round < 40; round++) {
    rounds.push(await Promise.all(processes.map(async ({ hashAt }) => await hashAt(start + round * maxAgeMs))))
  }

  t.strictSame(rounds.map(hashes => new Set(hashes).size), rounds.map(() => 1), 'one hash a round')
  t.equal(new Set(rounds.flat()).size, rounds.length, 'another one in each')
  t.equal(rounds.at(-1)?.[0], createHmac('sha1', readFileSync(keyFile)).update('203.0.113.9').digest('hex'))
})

interface HashingProcess {
  readonly child: ChildProcess
  readonly ready: Promise<unknown>
  /** The hash of 203.0.113.9 when its clock says so; the hasher is opened the first time. */
  hashAt (time: number): Promise<string>
}

function hashingProcess (keyFile: string): HashingProcess {
  const code = `
    import { openAddressHasher } from ${JSON.stringify(import.meta.resolve('../../lib/event/address-hash.js'))}
    const silent = () => {}
    let time, hasher
    process.on('message', at => {
      time = at
      hasher ??= openAddressHasher({ keyFile: ${JSON.stringify(keyFile)}, now: () => time, log: { error: silent, warn: silent, info: silent } })
      process.send(hasher.hash('203.0.113.9'))
    })
    process.send('ready')
  `
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const ended = new AbortController()
  child.once('exit', status => { ended.abort(new Error(`the process ended with ${String(status)}`)) })
  const answer = async (): Promise<string> => {
    const [message] = await once(child, 'message', { signal: ended.signal }) as [string]
    return message
  }
  return {
    child,
    ready: answer(),
    async hashAt (time) {
      const hash = answer()
      child.send(time)
      return await hash
    }
  }
}
