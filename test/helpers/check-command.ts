import { execFile } from 'node:child_process'
import { executable } from './daemon.js'

/** What a monitoring plug-in printed, taken apart. */
export interface CheckOutput {
  /** 0 to 3. */
  readonly code: number
  /** Before the bar. */
  readonly line: string
  /** Values with their units, by label. */
  readonly figures: ReadonlyMap<string, string>
  readonly details: readonly string[]
  readonly stderr: string
  readonly text: string
}

/** Runs `vanadium check <args>`. */
export async function runCheck (...args: string[]): Promise<CheckOutput> {
  return await new Promise(resolve => {
    execFile(process.execPath, [executable, 'check', ...args], (error, stdout, stderr) => {
      const [first = '', ...details] = stdout.trimEnd().split('\n')
      const [line = '', performance = ''] = first.split(' | ')
      const figures = performance.split(' ').map(figure => /^(.*?)=([^;]*)/.exec(figure)).flatMap(found => found === null ? [] : [[found[1] ?? '', found[2] ?? ''] as const])
      resolve({ code: error === null ? 0 : Number(error.code), line, figures: new Map(figures), details, stderr, text: stdout })
    })
  })
}
