/** Values of JSON of all kinds, some 120 KB as a text. */
const text = JSON.stringify(Array.from({ length: 2000 }, (_, n) => ({ n, name: `field${n}`, list: [n, n / 3, `x${n}`], ok: n % 2 === 0 })))

/** What `referenceWork` takes on an idle machine, for which limits of time are meant; in milliseconds. */
export const idleMs = 6

/** The same work each time, in memory and by code that is compiled already. */
export function referenceWork (): void {
  for (let times = 0; times < 4; times++) JSON.stringify(JSON.parse(text))
}

/** Processor time of this process so far, in milliseconds. */
export function cpuMs (): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** How many times as long as on an idle machine everything takes right now, because others use its caches and its memory; at least 1. */
export function slowness (): number {
  const times = [0, 1, 2].map(() => {
    const start = cpuMs()
    referenceWork()
    return cpuMs() - start
  }).sort((a, b) => a - b)
  return Math.max(1, (times[1] ?? 0) / idleMs)
}

/** The processor time in milliseconds that `run` would take on an idle machine: as much less as other work before and after it takes less there. */
export async function idleTimeOf (run: () => unknown): Promise<number> {
  const before = slowness()
  const start = cpuMs()
  await run()
  const ms = cpuMs() - start
  return ms / Math.max(before, slowness())
}
