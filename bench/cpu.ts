import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A second has so many ticks in `/proc`. */
const ticks = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

/** Seconds of processor time that a process has used, all its threads together (proc(5)). */
export function cpuSeconds (pid: number): number {
  // behind the name, which may hold anything
  const fields = readFileSync(join('/proc', String(pid), 'stat'), 'utf8').replace(/^.*\) /s, '').split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticks
}

/** The most memory that it ever had, in bytes. */
export function peakBytes (pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(join('/proc', String(pid), 'status'), 'utf8'))?.[1]) * 1024
}

/** Seconds that all processors together were at work, and were there. */
function machine (): { readonly busy: number, readonly all: number } {
  const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0, steal = 0] = (/^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? '').split(' ').map(Number)
  const busy = user + nice + system + irq + soft + steal
  return { busy: busy / ticks, all: (busy + idle + wait) / ticks }
}

/** Processor time by process, added up over any number of stretches. */
export class CpuShares {
  readonly #shares = new Map<string, { seconds: number, bytes: number }>()
  #lines = 0
  #busy = 0
  #all = 0

  /** From now until what it returns is called, with the number of lines that went through meanwhile. */
  begin (pids: ReadonlyMap<string, number>): (lines: number) => void {
    const before = new Map([...pids].map(([name, pid]) => [name, cpuSeconds(pid)]))
    const start = machine()
    return lines => {
      const end = machine()
      this.#busy += end.busy - start.busy
      this.#all += end.all - start.all
      this.#lines += lines
      for (const [name, pid] of pids) {
        const { seconds, bytes } = this.#shares.get(name) ?? { seconds: 0, bytes: 0 }
        this.#shares.set(name, { seconds: seconds + cpuSeconds(pid) - (before.get(name) ?? 0), bytes: Math.max(bytes, peakBytes(pid)) })
      }
    }
  }

  /** Microseconds a line, of all processes together. */
  get total (): number {
    return [...this.#shares.values()].reduce((sum, { seconds }) => sum + seconds, 0) / this.#lines * 1e6
  }

  /** A row for each process. */
  toString (): string {
    const rows = [...this.#shares].map(([name, { seconds, bytes }]) => ({ name, us: seconds / this.#lines * 1e6, bytes }))
    const width = Math.max(...rows.map(({ name }) => name.length))
    const ours = this.#lines * this.total / 1e6
    return [
      `  ${'process'.padEnd(width)}  CPU µs a line  share  most memory`,
      ...rows.map(({ name, us, bytes }) => `  ${name.padEnd(width)}  ${us.toFixed(1).padStart(13)}  ${percent(us / this.total)}  ${`${Math.round(bytes / 2 ** 20)} MiB`.padStart(11)}`),
      `  ${'together'.padEnd(width)}  ${this.total.toFixed(1).padStart(13)}   100%`,
      `  The processors were ${percent(this.#busy / this.#all).trim()} busy, ${percent((this.#busy - ours) / this.#all).trim()} with something else.`
    ].join('\n')
  }
}

function percent (share: number): string {
  return `${Math.round(Math.max(0, share) * 100)}%`.padStart(5)
}
