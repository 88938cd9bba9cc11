import { createInterface } from 'node:readline/promises'
import type { WriteStream } from 'node:tty'

/** Where there is somebody to be asked, and to be shown a bar; null if there is not. */
export function terminal (): WriteStream | null {
  return process.stderr.isTTY ? process.stderr : null
}

/** Whether somebody could answer. */
export function canAsk (): boolean {
  return process.stdin.isTTY && process.stderr.isTTY
}

/** False for anything but yes, and when stopped. */
export async function isAgreed (question: string, stop: AbortSignal): Promise<boolean> {
  // as if it were no terminal: Ctrl-C stays a signal
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: false })
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `, { signal: stop })).trim())
  } catch {
    return false
  } finally {
    lines.close()
  }
}

export function print (text: string): void {
  process.stdout.write(`${text}\n`)
}
