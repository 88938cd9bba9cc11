import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Owner } from './daemon.js'
import { until } from './wait.js'

interface Server {
  bind (path: string): void
  close (): void
}

const { createSocket } = createRequire(import.meta.url)('unix-dgram') as { createSocket (type: string, onMessage: (bytes: Buffer) => void): Server }

/** What systemd listens on, here with what it would be told. */
export interface NotifySocket {
  readonly path: string
  /** Each line of each datagram, as `READY=1`. */
  readonly lines: string[]
  count (line: string): number
  /** The last status. */
  status (): string | undefined
  /** Resolves with a line, past or future. */
  heard (is: string | RegExp): Promise<string>
  /** Resolves when the line has come so often again. */
  again (line: string, times: number): Promise<void>
}

export function listen (t: Owner): NotifySocket {
  const directory = mkdtempSync(join(tmpdir(), 'v-'))
  const path = join(directory, 'notify')
  const lines: string[] = []
  const server = createSocket('unix_dgram', bytes => { lines.push(...String(bytes).split('\n')) })
  server.bind(path)
  t.teardown(() => {
    server.close()
    rmSync(directory, { recursive: true })
  })
  const count = (line: string): number => lines.filter(each => each === line).length
  return {
    path,
    lines,
    count,
    status: () => lines.findLast(line => line.startsWith('STATUS='))?.slice('STATUS='.length),
    heard: async is => await until(`${is} is heard`, () => lines.find(line => typeof is === 'string' ? line === is : is.test(line)), 60_000),
    again: async (line, times) => {
      const before = count(line)
      await until(`${line} is heard ${times} times more`, () => count(line) >= before + times, 60_000)
    }
  }
}
