import { createHmac, randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statfsSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openAddressHasher, type AddressHasher } from '../../lib/event/address-hash.js'
import { testContext } from '../helpers/context.js'
import { batchText, heapUsed } from '../helpers/heap.js'

const minute = 60_000
const day = 24 * 60 * minute
const start = Date.UTC(2014, 4, 21)

interface Host {
  readonly keyFile: string
  /** What every hasher of the host sees; tests move it. */
  time: number
  open (): AddressHasher
  logged (): Array<Record<string, unknown>>
}

function host (t: Test, directory = mkdtempSync(join(tmpdir(), 'vanadium-address-'))): Host {
  const ctx = testContext()
  t.teardown(async () => {
    await ctx.end()
    rmSync(directory, { recursive: true })
  })
  const self: Host = {
    keyFile: join(directory, 'run', 'address.key'),
    time: start,
    open: () => openAddressHasher({ keyFile: self.keyFile, now: () => self.time, log: ctx.log }),
    logged: ctx.logged
  }
  return self
}

function hmac (keyFile: string, text: string): string {
  return createHmac('sha1', readFileSync(keyFile)).update(text).digest('hex')
}

t.test('an address becomes its HMAC-SHA1 under the key in the file, which only its owner can read', async t => {
  const { open, keyFile } = host(t)
  const hasher = open()

  t.equal(hasher.hash('203.0.113.9'), hmac(keyFile, '203.0.113.9'))
  t.equal(hasher.hash('203.0.113.9'), hmac(keyFile, '203.0.113.9'), 'again, from the cache')
  t.match(hasher.hash('203.0.113.10'), /^[0-9a-f]{40}$/)
  t.equal(hasher.hash(hasher.hash('203.0.113.9')), hasher.hash('203.0.113.9'), 'a hash stays as it is')
  t.not(hasher.hash('203.0.113.10'), hasher.hash('203.0.113.9'))
  t.equal(statSync(keyFile).size, 64)
  t.equal(statSync(keyFile).mode & 0o7777, 0o600)
  t.equal(statSync(join(keyFile, '..')).mode & 0o027, 0, 'others cannot look into its folder')
})

t.test('spellings of one address have one hash; what is no address is hashed as it is', async t => {
  const { open, keyFile } = host(t)
  const { hash } = open()

  for (const text of ['2001:db8::1', '2001:DB8:0:0::1', '2001:0db8:0000:0000:0000:0000:0000:0001']) t.equal(hash(text), hmac(keyFile, '2001:db8::1'), text)
  for (const text of ['192.0.2.1', '::ffff:192.0.2.1', '::FFFF:C000:201', '0:0:0:0:0:ffff:192.0.2.1']) t.equal(hash(text), hmac(keyFile, '192.0.2.1'), text)
  for (const text of ['', '-', 'unknown', '192.0.2.1:80', ':::', '::ffff:example', 'x'.repeat(70_000), '\u{1f600}']) t.equal(hash(text), hmac(keyFile, text), text.slice(0, 20))
})

t.test('the key is shared by what is opened later, and survives their end', async t => {
  const { open } = host(t)
  const first = open()
  const hash = first.hash('203.0.113.9')

  t.equal(open().hash('203.0.113.9'), hash)
  first.close()
  t.equal(open().hash('203.0.113.9'), hash)
  t.throws(() => first.hash('203.0.113.9'), { message: /closed/ })
})

t.test('after 90 days there is a new key, in every hasher at once', async t => {
  const self = host(t)
  const [first, second] = [self.open(), self.open()]
  const old = first.hash('203.0.113.9')

  self.time = start + 90 * day - 1
  t.equal(first.hash('203.0.113.9'), old)
  t.equal(second.hash('203.0.113.9'), old)

  self.time = start + 90 * day
  const renewed = second.hash('203.0.113.9')
  t.not(renewed, old)
  t.equal(first.hash('203.0.113.9'), renewed)
  t.equal(self.open().hash('203.0.113.9'), renewed)
  t.equal(hmac(self.keyFile, '203.0.113.9'), renewed)

  self.time = start + 180 * day
  t.not(first.hash('203.0.113.9'), renewed)
})

t.test('a key that was replaced or removed is noticed within a minute', async t => {
  const self = host(t)
  const [first, second] = [self.open(), self.open()]
  const old = first.hash('203.0.113.9')
  writeFileSync(self.keyFile, randomBytes(64))
  utimesSync(self.keyFile, self.time / 1000, self.time / 1000)

  self.time += minute
  const replaced = first.hash('203.0.113.9')
  t.not(replaced, old)
  t.equal(second.hash('203.0.113.9'), replaced)

  rmSync(self.keyFile)
  self.time += minute
  const made = second.hash('203.0.113.9')
  t.not(made, replaced)
  t.equal(first.hash('203.0.113.9'), made)
})

t.test('a clock that is set back does not stop the checks, and a key from its future is replaced', async t => {
  const self = host(t)
  self.time = start + 365 * day
  const hasher = self.open()
  const old = hasher.hash('203.0.113.9')

  self.time = start + 365 * day - minute
  t.equal(hasher.hash('203.0.113.9'), old, 'set right by a minute')

  self.time = start
  t.not(hasher.hash('203.0.113.9'), old)
  t.equal(statSync(self.keyFile).mtimeMs, start)
})

t.test('when the key file goes bad, hashing goes on, the operator is told, and no key is used beyond its age', async t => {
  const self = host(t)
  const hasher = self.open()
  const old = hasher.hash('203.0.113.9')
  chmodSync(self.keyFile, 0o644)

  self.time += minute
  t.equal(hasher.hash('203.0.113.9'), old)
  t.match(self.logged().filter(({ level }) => level === 'error'), [{ file: self.keyFile, reason: /chmod 600/ }])

  self.time = start + 90 * day
  const lone = hasher.hash('203.0.113.9')
  t.not(lone, old)
  t.equal(hasher.hash('203.0.113.9'), lone)

  chmodSync(self.keyFile, 0o600)
  self.time += minute
  t.equal(hasher.hash('203.0.113.9'), hmac(self.keyFile, '203.0.113.9'))
  t.not(hasher.hash('203.0.113.9'), old)
})

t.test('a key on a disk is warned of, one on a tmpfs is not', async t => {
  const [disk, memory] = [[tmpdir(), import.meta.dirname], ['/dev/shm', '/run', tmpdir()]]
    .map((places, i) => places.find(place => existsSync(place) && (statfsSync(place).type === 0x01021994) === (i === 1)))
  const warnings = (directory: string): unknown[] => {
    const self = host(t, mkdtempSync(join(directory, 'vanadium-address-')))
    self.open()
    return self.logged().filter(({ level }) => level === 'warn')
  }

  await t.test('disk', { skip: disk === undefined && 'needs a folder on a disk' }, async t => {
    t.match(warnings(disk ?? ''), [{ message: /not on a tmpfs/, file: String }])
  })
  await t.test('tmpfs', { skip: memory === undefined && 'needs a folder on a tmpfs' }, async t => {
    t.strictSame(warnings(memory ?? ''), [])
  })
})

t.test('neither addresses nor the key are logged', async t => {
  const self = host(t)
  const hasher = self.open()
  hasher.hash('203.0.113.9')
  const key = readFileSync(self.keyFile)
  chmodSync(self.keyFile, 0o644)
  self.time += 90 * day
  hasher.hash('203.0.113.9')

  const log = JSON.stringify(self.logged())

  t.match(log, /address key/)
  t.notMatch(log, /203\.0\.113\.9/)
  for (const encoding of ['hex', 'base64', 'latin1'] as const) t.notOk(log.includes(key.toString(encoding).slice(0, 20)), encoding)
})

t.test('the cache is bounded, and keeps neither long texts nor the batches that addresses were cut from', async t => {
  const { open, keyFile } = host(t)
  const { hash } = open()
  hash('203.0.113.9')
  const growth = (work: () => void): number => {
    const before = heapUsed()
    work()
    return heapUsed() - before
  }

  const batches = growth(() => { for (let i = 0; i < 50; i++) hash(batchText(`2001:db8:1:2:3:4:5:${1000 + i} `).slice(0, 23)) })
  const texts = growth(() => { for (let i = 0; i < 50; i++) hash(batchText(`${1000 + i}`)) })
  const addresses = growth(() => { for (let i = 0; i < 200_000; i++) hash(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`) })

  t.ok(batches < 10e6, `${batches} bytes after 50 batches of a megabyte`)
  t.ok(texts < 10e6, `${texts} bytes after 50 texts of a megabyte`)
  t.ok(addresses < 10e6, `${addresses} bytes after 200,000 addresses`)
  t.equal(hash('203.0.113.9'), hmac(keyFile, '203.0.113.9'))
})
