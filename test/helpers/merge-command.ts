import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import type { Summary } from '../../tools/merge/summary.js'
import { executable } from './daemon.js'

export interface MergeResult {
  readonly code: number | string
  readonly printed: string
  /** Messages of stderr, which are a log. */
  readonly errors: string
}

/** Runs `vanadium merge` to its end. */
export async function runMerge (...args: string[]): Promise<MergeResult> {
  return await new Promise(resolve => {
    execFile(process.execPath, [executable, 'merge', ...args], { maxBuffer: 1 << 28 }, (error, printed, errors) => {
      resolve({ code: error === null ? 0 : error.code ?? error.signal ?? 'killed', printed, errors })
    })
  })
}

export function summaryIn ({ printed }: Pick<MergeResult, 'printed'>): Summary {
  return JSON.parse(printed) as Summary
}

/** An event as the processor of a host writes it: `clientIp` is hashed with a key of that host. */
export function eventOf (n: number, host = 'a', more: object = {}): string {
  return JSON.stringify({ event: { n }, schema: 'Demo', revision: 1, recvFrom: 'cp1', seqId: n, timestamp: 1_400_000_000 + Math.floor(n / 3), uuid: uuidOf(n), clientIp: host.repeat(40), ...more })
}

export function uuidOf (n: number): string {
  return (Math.imul(n + 1, 2654435761) >>> 0).toString(16).padStart(8, '0') + n.toString(16).padStart(24, '0')
}

/** Writes lines into a file, gzipped if its name ends so. Returns its path. */
export function writeLog (path: string, lines: readonly string[]): string {
  const content = lines.map(line => `${line}\n`).join('')
  writeFileSync(path, path.endsWith('.gz') ? gzipSync(content) : content)
  return path
}
