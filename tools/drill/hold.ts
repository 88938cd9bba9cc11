import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { StreamError } from '../../lib/errors.js'
import type { Way } from './ways.js'

/** A command that hangs must not keep what it has done from being put back. */
const commandSeconds = 60

/**
 * Does it, tells the exit code, waits for the end of its input or of its time, and puts it back. One process does both, one after the other, so that
 * nothing can be put back before it was done. No signal that is meant for the drill ends it. Nobody may hear its last words.
 */
const script = `
trap '' PIPE HUP INT TERM
(trap - PIPE HUP INT TERM; exec timeout ${commandSeconds} sh -c "$1") < /dev/null >> "$4" 2>&1
echo $?
timeout "$2" cat > /dev/null
for attempt in 1 2 3; do
  (trap - PIPE HUP INT TERM; exec timeout ${commandSeconds} sh -c "$3") < /dev/null >> "$4" 2>&1 && exit 0
  sleep 1
done
exit 1`

/** Something that is disturbed, for as long as this process lives and does not let go of it. */
export interface Hold {
  /** Resolves when it is disturbed; throws `StreamError` if that failed. */
  readonly disturbed: Promise<void>
  /** Puts it back; resolves when it is. Throws `StreamError` if it could not be. */
  release (): Promise<void>
}

/**
 * Puts it back whatever becomes of this process, also when that is killed, and after `mostSeconds` at the latest. `log`: a file for what the commands
 * print.
 */
export function hold ({ disturb, restore }: Way, mostSeconds: number, log: string): Hold {
  // a session of its own: Ctrl-C on the terminal is not for it
  const child = spawn('/bin/sh', ['-c', script, 'sh', disturb, String(mostSeconds), restore, log], { detached: true, stdio: ['pipe', 'pipe', 'ignore'] })
  const exited = once(child, 'exit').then(([code]) => Number(code))
  const failed = new Promise<never>((_resolve, reject) => { child.once('error', cause => { reject(new StreamError('cannot-write', '/bin/sh could not be started', { cause })) }) })
  failed.catch(() => {})
  child.stdin.on('error', () => {})
  const code = once(createInterface({ input: child.stdout }), 'line').then(([line]) => Number(line))
  const disturbed = Promise.race([code, failed]).then(code => {
    if (code !== 0) throw new StreamError('cannot-write', `the command ended with ${code}: ${disturb.split('\n', 1)[0] ?? ''}; what it printed is in ${log}`)
  })
  // who releases it first does not care
  disturbed.catch(() => {})
  return {
    disturbed,
    async release () {
      child.stdin.end()
      if (await Promise.race([exited, failed]) !== 0) throw new StreamError('cannot-write', `it could not be put back, in three attempts: ${restore}; what that printed is in ${log}`)
    }
  }
}
