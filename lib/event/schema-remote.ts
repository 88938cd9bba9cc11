import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import { dirname, join } from 'node:path'
import { about, ConfigError, messageOf } from '../errors.js'
import type { Log } from '../log.js'
import { isSchemaName, largestSchema } from './schema-files.js'

export interface RemoteOptions {
  /** URL with `{name}` and `{revision}`, http or https. */
  readonly template: string
  /** Where documents that were fetched are kept, as `<Name>/<revision>.json`; made when needed. */
  readonly cacheDir: string
  /** For the whole of one lookup. */
  readonly timeoutMs?: number
  /** Lookups above this rate are not made: names come from the internet. */
  readonly lookupsPerSecond?: number
  /** How long it is remembered that a schema is not there. */
  readonly negativeTtlMs?: number
}

/** A document as a remote repository sent it. */
export interface RemoteDocument {
  readonly url: string
  readonly text: string
}

/** A schema repository that is asked over HTTP. Revisions never change, so what was fetched is not asked for again. */
export interface RemoteSchemas {
  /** False when the name cannot be one, when it is remembered not to be there, and when the rate or the bound is reached. */
  canFetch (name: string, revision: number): boolean
  /** One lookup at a time for each schema. Undefined when `canFetch` is false, or nothing came; never rejects. */
  fetch (name: string, revision: number): Promise<RemoteDocument | undefined>
  /** What was fetched turned out to be no schema: remembered as not being there. */
  forget (name: string, revision: number): void
  /** Keeps a document for the next start. What cannot be written is logged; never rejects. */
  keep (name: string, revision: number, text: string): Promise<void>
}

/** Absent schemas that are remembered; the one that was asked for longest ago goes first. */
const mostAbsent = 10_000
/** Fetched schemas that are held in memory and on disk, because anybody can ask for one; then a warning, and no more. */
const mostHeld = 2000
/** A repository that does not answer is asked again after this, or after `negativeTtlMs` if that is less. */
const failureTtlMs = 10_000

/** A larger document counts as several schemas: together they take at most 32 MB. */
const usualSize = 16 << 10

/** As how many of the fetched schemas that may be held a document counts. */
export function sharesOf (text: string): number {
  return Math.max(1, Math.ceil(text.length / usualSize))
}

/** `held` tells how many fetched schemas there are, by their shares. Throws `ConfigError` for a template that cannot work. */
export function createRemoteSchemas (options: RemoteOptions, held: () => number, log: Log): RemoteSchemas {
  const { template, cacheDir, timeoutMs = 5000, lookupsPerSecond = 10, negativeTtlMs = 60_000 } = options
  about('--schemas-url', () => { checkTemplate(template) })
  // all before what is filled in
  const base = new URL(template.slice(0, template.indexOf('{'))).href
  const absent = new AbsentSchemas()
  const tokens = new TokenBucket(lookupsPerSecond)
  const flights = new Map<string, Promise<RemoteDocument | undefined>>()

  async function lookUp (name: string, revision: number, key: string): Promise<RemoteDocument | undefined> {
    const url = template.replaceAll('{name}', () => name).replaceAll('{revision}', String(revision))
    try {
      if (!new URL(url).href.startsWith(base)) throw new Error(`it would lead out of ${base}`)
      const text = await get(url, timeoutMs)
      if (text !== undefined) return { url, text }
      absent.add(key, negativeTtlMs)
    } catch (error) {
      absent.add(key, Math.min(negativeTtlMs, failureTtlMs))
      log.warn('the remote schema repository cannot be read', { url, reason: messageOf(error instanceof TypeError && error.cause !== undefined ? error.cause : error) })
    }
    return undefined
  }

  function mayAsk (name: string, revision: number, key: string): boolean {
    return Number.isSafeInteger(revision) && revision >= 1 && isSchemaName(name) && !absent.has(key)
  }

  return {
    canFetch (name, revision) {
      const key = `${name}/${revision}`
      return flights.has(key) || (mayAsk(name, revision, key) && held() + flights.size < mostHeld && tokens.available())
    },
    async fetch (name, revision) {
      const key = `${name}/${revision}`
      const flight = flights.get(key)
      if (flight !== undefined) return await flight
      if (!mayAsk(name, revision, key)) return undefined
      if (held() + flights.size >= mostHeld) {
        log.warn('as many fetched schemas are held as may be; no more are looked up', { most: mostHeld, cache: cacheDir })
        return undefined
      }
      if (!tokens.take()) {
        log.warn('schemas are looked up faster than allowed; some lookups are not made', { lookups_per_second: lookupsPerSecond })
        return undefined
      }
      const started = lookUp(name, revision, key).finally(() => { flights.delete(key) })
      flights.set(key, started)
      return await started
    },
    forget (name, revision) {
      absent.add(`${name}/${revision}`, negativeTtlMs)
    },
    async keep (name, revision, text) {
      const path = join(cacheDir, name, `${revision}.json`)
      // written beside and renamed: a reader never sees half of it
      const draft = join(cacheDir, `.${randomUUID()}`)
      try {
        await mkdir(dirname(path), { recursive: true })
        await writeFile(draft, text)
        await rename(draft, path)
      } catch (error) {
        log.warn('a fetched schema cannot be kept on disk; it is fetched again after a restart', { path, reason: messageOf(error) })
      }
    }
  }
}

function checkTemplate (template: string): void {
  const advice = 'write one like https://schemas.example.org/{name}/{revision}.json'
  if (!template.includes('{name}') || !template.includes('{revision}')) throw new ConfigError('bad-option', `--schemas-url "${template}" lacks {name} or {revision}; ${advice}`)
  const url = URL.canParse(template) ? new URL(template) : null
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) throw new ConfigError('bad-option', `--schemas-url "${template}" is no http or https URL; ${advice}`)
  if (url.username !== '' || url.password !== '') throw new ConfigError('bad-option', `--schemas-url: a URL with a password is not taken (host ${url.host}); ${advice}`)
  if (/\{|%7b/i.test(url.host)) throw new ConfigError('bad-option', `--schemas-url "${template}" has {name} or {revision} in its host; ${advice}`)
}

/**
 * The document; undefined if it is not there. Rejects when the repository cannot say. Not with `fetch`, whose signal was seen not
 * to end the wait for a body that had stopped coming.
 */
async function get (url: string, timeoutMs: number): Promise<string | undefined> {
  const accept = 'application/json, application/yaml;q=0.9, */*;q=0.1'
  const request = (url.startsWith('https:') ? https : http).get(url, { headers: { accept } })
  let response: IncomingMessage | undefined
  const timer = setTimeout(() => { (response ?? request).destroy(new Error(`timeout after ${timeoutMs} ms`)) }, timeoutMs)
  // one that comes while the response is read ends that as well
  request.on('error', () => {})
  try {
    [response] = await once(request, 'response') as [IncomingMessage]
    return await documentOf(response)
  } finally {
    clearTimeout(timer)
    request.destroy()
  }
}

async function documentOf (response: IncomingMessage): Promise<string | undefined> {
  const { statusCode = 0 } = response
  if (statusCode === 404 || statusCode === 410) return undefined
  // none was asked for, and what is small may become large
  const encoding = response.headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity') throw new Error(`content-encoding ${encoding.slice(0, 40)} was not asked for`)
  // it may lead anywhere, to hosts behind the firewall too
  if (statusCode >= 300 && statusCode < 400) throw new Error(`status ${statusCode}: redirects are not followed`)
  if (statusCode < 200 || statusCode >= 300) throw new Error(`status ${statusCode}`)
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > largestSchema) throw new Error(`the document has more than ${largestSchema} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** What is not there, and until when that is believed. */
class AbsentSchemas {
  readonly #until = new Map<string, number>()

  add (key: string, ttlMs: number): void {
    // last in the map's order: what was asked for longest ago comes first
    this.#until.delete(key)
    this.#until.set(key, performance.now() + ttlMs)
    const oldest = this.#until.keys().next()
    if (this.#until.size > mostAbsent && oldest.done !== true) this.#until.delete(oldest.value)
  }

  has (key: string): boolean {
    const until = this.#until.get(key)
    if (until === undefined) return false
    if (until > performance.now()) return true
    this.#until.delete(key)
    return false
  }
}

/** Up to a second's worth of lookups at once, then as many a second. */
class TokenBucket {
  readonly #perSecond: number
  readonly #most: number
  #tokens: number
  #filledAt = performance.now()

  constructor (perSecond: number) {
    this.#perSecond = perSecond
    this.#most = Math.max(1, perSecond)
    this.#tokens = this.#most
  }

  available (): boolean {
    const now = performance.now()
    this.#tokens = Math.min(this.#most, this.#tokens + (now - this.#filledAt) / 1000 * this.#perSecond)
    this.#filledAt = now
    return this.#tokens >= 1
  }

  take (): boolean {
    if (!this.available()) return false
    this.#tokens--
    return true
  }
}
