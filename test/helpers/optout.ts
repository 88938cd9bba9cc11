import { execFile } from 'node:child_process'
import { executable } from './daemon.js'

export interface OptOutResult {
  readonly code: number
  readonly printed: string
  readonly errors: string
}

/** Runs `vanadium optout <command>` to its end; `users` are what stdin has. */
export async function optout (command: string, users: readonly string[], ...args: string[]): Promise<OptOutResult> {
  return await new Promise(resolve => {
    const child = execFile(process.execPath, [executable, 'optout', command, ...args], { maxBuffer: 1 << 26 }, (error, printed, errors) => {
      resolve({ code: error === null ? 0 : Number(error.code), printed, errors })
    })
    // who reads no stdin may be gone before it is written
    child.stdin?.on('error', () => {})
    child.stdin?.end(users.map(user => `${user}\n`).join(''))
  })
}
