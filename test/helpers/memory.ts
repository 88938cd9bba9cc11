import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import type { Daemon } from './daemon.js'

/** Bytes that a process has in memory (proc(5)). */
export function residentBytes (pid: number | undefined): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(join('/proc', String(pid), 'status'), 'utf8'))?.[1]) * 1024
}

/** What a daemon has in memory: at most in the first quarter of the time, until its own buffers are full; at most at all; and in the end. */
export interface Memory { readonly early: number, readonly most: number, readonly last: number }

const sampleMs = 250

export async function memoryDuring (ms: number, { child: { pid } }: Daemon): Promise<Memory> {
  const start = Date.now()
  let [early, most, last] = [0, 0, 0]
  for (; Date.now() < start + ms; await sleep(sampleMs)) {
    last = residentBytes(pid)
    most = Math.max(most, last)
    if (Date.now() < start + ms / 4) early = most
  }
  return { early, most, last }
}

const mostBytes = 300 << 20
/** A garbage collector has moods: the memory may grow by so much of what is queued. */
const share = 1 / 3

/** Fails when a daemon is too large, or has grown with what is queued behind it. */
export function isFlat (t: Test, name: string, { early, most, last }: Memory, queuedBytes: number): void {
  t.comment(`MiB of the ${name}: ${[early, most, last].map(bytes => Math.round(bytes / (1 << 20))).join(', ')}; queued: ${Math.round(queuedBytes / (1 << 20))}`)
  t.ok(most < mostBytes, `the ${name} is small`)
  t.ok(last - early < queuedBytes * share, `the ${name} does not grow with what is queued`)
}
