import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { executable } from './daemon.js'
import { sharedData } from './shared.js'

export interface SchemaOutput {
  readonly code: number
  readonly out: string
  /** Of the log, and lines that are none. */
  readonly errors: readonly string[]
}

/** Runs `vanadium schema <args>`. */
export async function runSchema (args: readonly string[], input = ''): Promise<SchemaOutput> {
  return await new Promise(resolve => {
    const child = execFile(process.execPath, [executable, 'schema', ...args], { maxBuffer: 1 << 26 }, (error, out, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, errors: stderr.split('\n').filter(line => line !== '').map(messageIn) })
    })
    child.stdin?.on('error', () => {}).end(input)
  })
}

function messageIn (line: string): string {
  return line.startsWith('{') ? (JSON.parse(line) as { message: string }).message : line
}

/** Writes a file and the folders it needs; returns its path. */
export function writeFileIn (directory: string, name: string, content: string | object): string {
  const path = join(directory, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

/** The real schemas; only where there are such. */
export const realSchemas = join(sharedData ?? '', 'schemas')

/** A real schema, as its owner wrote it. */
export function realSchema (name: string, revision: number): Record<string, unknown> & { properties: Record<string, unknown> } {
  return JSON.parse(readFileSync(join(realSchemas, name, `${revision}.json`), 'utf8')) as ReturnType<typeof realSchema>
}

export interface RealCapsule {
  readonly schema: string
  readonly revision: number
  readonly event: Readonly<Record<string, unknown>>
}

/** A real event of each real schema. */
export function realEvents (): RealCapsule[] {
  return readFileSync(join(sharedData ?? '', 'examples.ndjson'), 'utf8').trimEnd().split('\n').map(line => JSON.parse(line) as RealCapsule)
}

/** The format of `beacon`. */
export const beaconFormat = '%q %{recvFrom}s %{seqId}d %t %h %{userAgent}i'

/** A capsule as varnishncsa prints it, `n` half minutes after midnight. */
export function beacon (n: number, capsule: object): string {
  const time = new Date(Date.UTC(2015, 0, 7) + n * 30_000).toISOString().slice(0, 19)
  return `?${encodeURIComponent(JSON.stringify(capsule))}; cp1001.example.org ${n} ${time} 203.0.113.9 Mozilla/5.0 (X11; Linux x86_64)`
}

/** A file of lines, compressed if it is called so. */
export function writeLines (directory: string, name: string, lines: readonly string[]): string {
  const path = join(directory, name)
  const text = lines.map(line => `${line}\n`).join('')
  writeFileSync(path, name.endsWith('.gz') ? gzipSync(text) : text)
  return path
}
