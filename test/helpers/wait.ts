import { setTimeout as sleep } from 'node:timers/promises'

/** Resolves with the first truthy result of `condition`, tried every 20 ms unless told otherwise; rejects after the deadline, saying what was awaited. */
export async function until<T> (what: string, condition: () => T | Promise<T>, deadlineMs = 20_000, everyMs = 20): Promise<NonNullable<T>> {
  const end = Date.now() + deadlineMs
  for (;;) {
    const result = await condition()
    if (result !== null && result !== undefined && result !== false) return result
    if (Date.now() > end) throw new Error(`waited ${deadlineMs} ms in vain until ${what}`)
    await sleep(everyMs)
  }
}
