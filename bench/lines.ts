import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { uuidOfCapsule } from '../lib/event/uuid.js'

/** The format of the lines that `clientLines` makes. */
export const clientFormat = '%q %{recvFrom}s %{seqId}d %t %h %{userAgent}i'

const agents = [
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:121.0) Gecko/20100101 Firefox/121.0'
]
const countries = ['DE', 'US', 'IN', 'BR', 'JP', 'NG', 'FR']

/** An event of the benchmark schema as a client sends it: 21 fields, the same for the same number on every run. */
function benchCapsule (i: number): Record<string, unknown> {
  const start = (i * 7919) % 1000
  return {
    event: {
      action: i % 10 === 0 ? 'edit' : 'view',
      isAnon: i % 3 !== 0,
      isMobile: i % 2 === 0,
      pageId: 1_000_000 + (i * 31) % 90_000_000,
      revisionId: 500_000_000 + i,
      namespace: i % 4 === 0 ? 1 : 0,
      userEditBucket: '5-99 edits',
      sessionToken: createHash('md5').update(String(i >> 3)).digest('hex').slice(0, 20),
      pageTitle: `Article number ${i % 5000}`,
      referrerHost: 'en.wikipedia.org',
      originCountry: countries[i % countries.length],
      connectionType: '4g',
      redirectCount: 0,
      dnsLookup: start % 50,
      connectStart: start,
      requestStart: start + 40,
      responseStart: start + 130,
      domInteractive: start + 700,
      loadEventEnd: start + 1500,
      layoutShift: (i % 1000) / 1000,
      sampled: true
    },
    schema: 'BenchEvent',
    revision: 1,
    wiki: 'enwiki',
    webHost: 'en.wikipedia.org'
  }
}

/** The event that the processor makes of the line of that number, except for the hash. */
export function benchEvent (i: number): Record<string, unknown> {
  const event = {
    ...benchCapsule(i),
    recvFrom: recvFrom(i),
    seqId: i,
    timestamp: Math.floor(timeMs(i) / 1000),
    clientIp: createHash('sha1').update(address(i)).digest('hex'),
    userAgent: userAgent(i)
  }
  return { ...event, uuid: uuidOfCapsule(event) }
}

/** One client-side line of about 1 KB, as varnishncsa prints it. */
export function clientLine (i: number): string {
  const query = encodeURIComponent(JSON.stringify(benchCapsule(i)))
  const time = new Date(timeMs(i)).toISOString().slice(0, 19)
  return `?${query}; ${recvFrom(i)} ${i} ${time} ${address(i)} ${userAgent(i)}`
}

/** A capsule of which line and event have about half a kilobyte. */
function smallCapsule (i: number): Record<string, unknown> {
  const { event, ...capsule } = benchCapsule(i)
  const { action, isAnon, pageId, sessionToken, loadEventEnd } = event as Record<string, unknown>
  return { event: { action, isAnon, pageId, sessionToken, loadEventEnd }, ...capsule }
}

/** One in a hundred. */
export function isInvalid (i: number): boolean {
  return i % 100 === 99
}

export function smallLine (i: number): string {
  const capsule = smallCapsule(i)
  if (isInvalid(i)) capsule['event'] = { ...capsule['event'] as object, pageId: 'none' }
  return `?${encodeURIComponent(JSON.stringify(capsule))}; ${recvFrom(i)} ${i} ${new Date(timeMs(i)).toISOString().slice(0, 19)} ${'0'.repeat(40)} ${userAgent(i)}`
}

export function smallEvent (i: number): string {
  return JSON.stringify({ ...smallCapsule(i), ...ofLine(i) })
}

/** The event error of an invalid line. */
export function smallError (i: number): string {
  const event = { rawEvent: smallLine(i), message: '/event/pageId: expected an integer; got "none"', code: 'validation', schema: 'BenchEvent', revision: 1 }
  return JSON.stringify({ event, schema: 'EventError', revision: 14035058, wiki: 'enwiki', ...ofLine(i) })
}

function ofLine (i: number): Record<string, unknown> {
  return { recvFrom: recvFrom(i), seqId: i, timestamp: Math.floor(timeMs(i) / 1000), clientIp: '0'.repeat(40), userAgent: userAgent(i), uuid: '0'.repeat(20) + String(i).padStart(12, '0') }
}

/** A file of so many such lines, of which the first has the number `first`. */
export async function writeLines (file: string, records: number, first = 0): Promise<void> {
  const stream = createWriteStream(file)
  for (let i = 0; i < records; i += 1000) {
    const lines = Array.from({ length: Math.min(1000, records - i) }, (_, k) => `${clientLine(first + i + k)}\n`)
    if (!stream.write(lines.join(''))) await once(stream, 'drain')
  }
  stream.end()
  await once(stream, 'close')
}

function recvFrom (i: number): string {
  return `cp10${10 + i % 40}.example.org`
}

function timeMs (i: number): number {
  return 1_700_000_000_000 + i * 10
}

function address (i: number): string {
  return `198.51.${i % 100}.${i % 250}`
}

function userAgent (i: number): string {
  return agents[i % agents.length] ?? ''
}
