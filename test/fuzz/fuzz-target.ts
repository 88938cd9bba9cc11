import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { projectRoot } from '../helpers/shared.js'
import type { Budget, Finding, Report } from './harness.js'

const usualHangSeconds = 5
const lookMs = 500
const ticksPerSecond = 100

/** Fuzzes a target in a process of its own, which is killed when an input does not end. */
export async function fuzzTarget (name: string, { seconds, inputs, seed, hangSeconds = usualHangSeconds }: Budget, progress: (report: Report) => void = () => {}): Promise<Report> {
  const directory = mkdtempSync(join(tmpdir(), 'vanadium-fuzz-'))
  const seedFile = join(directory, 'seed')
  const fd = openSync(seedFile, 'w+')
  writeSync(fd, Buffer.alloc(8))
  const args = [name, String(seconds), inputs === undefined ? '' : String(inputs), String(seed), seedFile]
  // to count what was covered takes time, which is not what is measured
  const env = { ...process.env, NODE_V8_COVERAGE: undefined, TMPDIR: directory }
  const child = spawn(process.execPath, [join(projectRoot, 'dist', 'test', 'fuzz', 'child.js'), ...args], { stdio: ['ignore', 'pipe', 'pipe'], env })
  const errors: string[] = []
  child.stderr.on('data', (chunk: Buffer) => { if (errors.length < 100) errors.push(chunk.toString()) })
  const hang = watch(child, fd, hangSeconds)
  let last: Report = { inputs: 0, slowestMs: 0, slowestSeed: seed, finding: null }
  let whole = false
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const { progress: done, report } = JSON.parse(line) as { progress?: Report, report?: Report }
      last = report ?? done ?? last
      if (report !== undefined) whole = true
      else progress(last)
    }
    const [code, signal] = child.exitCode === null && child.signalCode === null ? await once(child, 'exit') as [number | null, string | null] : [child.exitCode, child.signalCode]
    if (whole) return last
    if (signal === 'SIGTERM' || signal === 'SIGINT' || signal === 'SIGHUP') throw new Error(`somebody has stopped ${name} with ${signal}`)
    return { ...last, finding: endedEarly(name, hang.seed(), hang.found ? `did not end within ${hangSeconds} s of processor time` : null, `${errors.join('')}\nended with ${code ?? signal ?? ''}`) }
  } finally {
    hang.end()
    child.kill('SIGKILL')
    closeSync(fd)
    rmSync(directory, { recursive: true, force: true })
  }
}

function endedEarly (target: string, seed: number, hangs: string | null, output: string): Finding {
  return { target, kind: hangs === null ? 'crash' : 'hang', what: hangs ?? output, seed, input: null }
}

/** Kills a process that works on one input for too long. */
function watch (child: ChildProcess, fd: number, hangSeconds: number): { readonly found: boolean, seed (): number, end (): void } {
  const announced = (): Uint32Array => {
    const words = new Uint32Array(2)
    readSync(fd, words, 0, words.byteLength, 0)
    return words
  }
  let [before, since, found] = [0, 0, false]
  const timer = setInterval(() => {
    const [now, cpu] = [announced()[1] ?? 0, cpuSeconds(child.pid ?? 0)]
    if (now !== before) [before, since] = [now, cpu]
    // before the first run, what is fuzzed is opened
    if (now === 0 || cpu - since < hangSeconds) return
    found = true
    child.kill('SIGKILL')
  }, lookMs)
  return { get found () { return found }, seed: () => announced()[0] ?? 0, end: () => { clearInterval(timer) } }
}

/** proc(5): `utime` and `stime` are the 14th and 15th field; the second may have anything in it but a parenthesis at its end. */
function cpuSeconds (pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /s, '').split(' ')
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
  } catch {
    return 0
  }
}
