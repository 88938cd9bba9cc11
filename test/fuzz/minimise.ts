/** Attempts at most: each may take a while, and what is left is small enough to read. */
const mostAttempts = 400
/** Processor time in seconds that is spent on it. */
const mostSeconds = 10

/** A smaller input, a value of JSON, that is still bad: parts are left out as long as it stays so. */
export async function minimised<I> (input: I, isBad: (smaller: I) => Promise<boolean>): Promise<I> {
  let [best, attempts] = [input, 0]
  const started = process.cpuUsage()
  for (let smaller = true; smaller;) {
    smaller = false
    for (const candidate of reductions(best)) {
      const { user, system } = process.cpuUsage(started)
      if (++attempts > mostAttempts || user + system > mostSeconds * 1e6) return best
      if (!await isBad(candidate as I)) continue
      best = candidate as I
      smaller = true
      break
    }
  }
  return best
}

/** Large steps first. A text loses characters, a list items, an object nothing: its keys are what the target knows it by. */
function * reductions (value: unknown): Generator<unknown> {
  if (typeof value === 'string') {
    for (const [start, end] of cuts(value.length)) yield value.slice(0, start) + value.slice(end)
  } else if (Array.isArray(value)) {
    const items: unknown[] = value
    for (const [start, end] of cuts(items.length)) yield [...items.slice(0, start), ...items.slice(end)]
    for (const [at, item] of items.entries()) for (const smaller of reductions(item)) yield items.with(at, smaller)
  } else if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value)
    for (const [name, inner] of entries) for (const smaller of reductions(inner)) yield Object.fromEntries(entries.map(([other, before]) => [other, other === name ? smaller : before]))
  }
}

function * cuts (length: number): Generator<readonly [number, number]> {
  for (let size = length >> 1 || length; size > 0; size >>= 1) {
    for (let start = 0; start < length; start += size) yield [start, start + size]
  }
}
