import { open } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

/** A line of a daemon's log. */
export interface LogLine {
  readonly level: string
  readonly message: string
  readonly [field: string]: unknown
}

/** How often a log is looked into for its next line. */
const pollMs = 50
/** What is read at a time. */
const mostBytes = 64 << 10

/** The lines that are written to a log from `offset` on, as they come, until `signal` is aborted. */
export async function * follow (path: string, offset: number, signal: AbortSignal): AsyncGenerator<LogLine> {
  for (let at = offset; !signal.aborted;) {
    const bytes = await read(path, at)
    // of a line that is not complete the rest will come, unless the line is longer than any that is looked for
    const end = bytes.length === mostBytes && !bytes.includes('\n') ? mostBytes : bytes.lastIndexOf('\n') + 1
    at += end
    for (const text of bytes.toString('utf8', 0, end).split('\n')) {
      const line = parse(text)
      if (line !== null) yield line
    }
    if (end === 0) await sleep(pollMs, undefined, { signal }).catch(() => {})
  }
}

/** The last lines since `offset`, oldest first, in words: what a daemon said before it died. */
export async function lastWords (path: string, offset: number, count: number): Promise<string[]> {
  const bytes = await read(path, Math.max(offset, await sizeOf(path) - mostBytes))
  return bytes.toString().split('\n').filter(line => line !== '').slice(-count).map(describe)
}

/** Makes the file if there is none. */
export async function sizeOf (path: string): Promise<number> {
  const file = await open(path, 'a')
  try {
    return (await file.stat()).size
  } finally {
    await file.close()
  }
}

async function read (path: string, offset: number): Promise<Buffer> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(mostBytes), 0, mostBytes, offset)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

/** Null for what is no line of a log, such as a stack trace of Node's. */
function parse (text: string): LogLine | null {
  if (!text.startsWith('{')) return null
  try {
    return JSON.parse(text) as LogLine
  } catch {
    return null
  }
}

function describe (text: string): string {
  const line = parse(text)
  if (line === null) return text
  const detail = line['reason'] ?? line['uri']
  return `${line.level}: ${line.message}${typeof detail === 'string' ? `: ${detail}` : ''}`
}
