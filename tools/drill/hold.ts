import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { StreamError } from '../../lib/errors.js'
import type { Way } from './ways.js'

/** A command that hangs must not keep what it has done from being put back. */
const commandSeconds = 60

/** A command, and the log; that cannot be written to is no reason to do nothing. */
const run = `
run () {
  (true >> "$2") 2> /dev/null || set -- "$1" /dev/null
  (trap - PIPE HUP INT TERM; exec timeout ${commandSeconds} sh -c "$1") < /dev/null >> "$2" 2>&1
}`

/**
 * Does it, tells the exit code, waits for the end of its input or of its time, and puts it back. One process does both, one after the other, so that
 * nothing can be put back before it was done. No signal that is meant for the drill ends it. Nobody may hear its last words.
 */
const script = `${run}
trap '' PIPE HUP INT TERM
run "$1" "$4"
echo $?
timeout "$2" cat > /dev/null
for attempt in 1 2 3; do
  run "$3" "$4" && exit 0
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
  const exited = once(child, 'exit').then(([code]) => code as number | null)
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
      const code = await Promise.race([exited, failed])
      // it was killed, and has put nothing back
      const isDone = code === null ? await putBack(restore, log) : code === 0
      if (!isDone) throw new StreamError('cannot-write', `it could not be put back, ${code === null ? 'and what was to do it was killed' : 'in three attempts'}: ${restore}; what that printed is in ${log}`)
    }
  }
}

/** Once, by this process itself. */
async function putBack (restore: string, log: string): Promise<boolean> {
  const [code] = await once(spawn('/bin/sh', ['-c', `${run}\nrun "$1" "$2"`, 'sh', restore, log], { detached: true, stdio: 'ignore' }), 'exit')
  return code === 0
}
