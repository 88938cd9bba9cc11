import { createHmac, randomBytes } from 'node:crypto'
import { statfsSync } from 'node:fs'
import { isIPv6, SocketAddress } from 'node:net'
import { dirname } from 'node:path'
import { messageOf } from '../errors.js'
import type { Log } from '../log.js'
import { currentKey, isOver, type AddressKey } from './address-key.js'
import { createCache, detached } from './lru.js'

/** Hashes client addresses, so that none gets past the parser. */
export interface AddressHasher {
  /**
   * HMAC-SHA1 as 40 hex digits. The same address in another spelling has the same hash, in every processor of the host; what is
   * no address is hashed as it is, except a hash, which stays: it comes with the raw line of an event error that is replayed.
   */
  hash (address: string): string
  /** Forgets key and addresses; `hash` throws from then on. */
  close (): void
}

export interface AddressHasherOptions {
  /** The key, shared by the processors of the host. Made if it is not there; should be on a tmpfs, so that it reaches no disk. */
  readonly keyFile: string
  /** Age at which the key is replaced. */
  readonly maxAgeMs?: number
  /** Addresses remembered, at about 200 bytes each. */
  readonly cacheSize?: number
  /** The time in milliseconds since the epoch. */
  readonly now?: () => number
  readonly log: Log
}

const ninetyDaysMs = 90 * 24 * 3600 * 1000

/** A key file that is replaced or removed is noticed after this time at most; one that gets too old, at once. */
const checkEveryMs = 60_000

/** No address is longer; what is, and what it came from, is not remembered. */
const longestAddress = 64

/** Throws `ConfigError` when the key file cannot be used. When that happens later, it is logged and hashing goes on. */
export function openAddressHasher (options: AddressHasherOptions): AddressHasher {
  const { keyFile, maxAgeMs = ninetyDaysMs, cacheSize = 20_000, now = Date.now, log } = options
  const cache = createCache<string>(cacheSize)
  let checkedAtMs = now()
  let key: AddressKey | null = currentKey(keyFile, maxAgeMs, checkedAtMs)
  let checkAtMs = nextCheck(key)
  warnOfDisk(keyFile, log)

  function nextCheck ({ createdMs }: AddressKey): number {
    return Math.min(checkedAtMs + checkEveryMs, createdMs + maxAgeMs)
  }

  function check (known: AddressKey, timeMs: number): AddressKey {
    checkedAtMs = timeMs
    const current = replacement(known, timeMs)
    if (!current.secret.equals(known.secret)) {
      known.secret.fill(0)
      cache.clear()
      log.info('the address key changed: hashes differ from now on', { file: keyFile })
    }
    checkAtMs = nextCheck(current)
    return current
  }

  function replacement (known: AddressKey, timeMs: number): AddressKey {
    try {
      return currentKey(keyFile, maxAgeMs, timeMs)
    } catch (error) {
      log.error('the address key file cannot be used: hashes may differ between processors until it can', { file: keyFile, reason: messageOf(error) })
      // better hashes that no other processor makes than a key beyond its age
      return isOver(known, maxAgeMs, timeMs) ? { secret: randomBytes(known.secret.length), createdMs: timeMs } : known
    }
  }

  return {
    hash (address) {
      if (key === null) throw new Error('the address hasher is closed')
      const timeMs = now()
      // earlier than the last check: the clock was set back
      if (timeMs >= checkAtMs || timeMs < checkedAtMs) key = check(key, timeMs)
      if (address.length > longestAddress) return hmac(key, address)
      if (address.length === 40 && /^[0-9a-f]+$/.test(address)) return address
      const known = cache.get(address)
      if (known !== undefined) return known
      const hash = hmac(key, canonical(address))
      cache.set(detached(address), hash)
      return hash
    },
    close () {
      key?.secret.fill(0)
      key = null
      cache.clear()
    }
  }
}

function hmac ({ secret }: AddressKey, text: string): string {
  return createHmac('sha1', secret).update(text).digest('hex')
}

/** One spelling for each IPv6 address (RFC 5952); an IPv4 address that came through an IPv6 socket is itself again. */
function canonical (address: string): string {
  if (!address.includes(':') || !isIPv6(address)) return address
  const { address: text } = new SocketAddress({ address, family: 'ipv6' })
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(text)?.[1] ?? text
}

/** `f_type` of the file systems that are only in memory, tmpfs and ramfs: statfs(2). */
const inMemory: readonly number[] = [0x01021994, 0x858458f6]

function warnOfDisk (keyFile: string, log: Log): void {
  if (inMemory.includes(statfsSync(dirname(keyFile)).type)) return
  log.warn('the address key file is not on a tmpfs: the key may outlive its use on a disk', { file: keyFile })
}
