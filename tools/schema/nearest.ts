/** Names that are shown. */
const most = 5

/**
 * Those of the names that somebody may have meant, the nearest first: that have what was written within them, or the other way
 * round, or can be made of it by changing a third of its letters, whatever their case.
 */
export function nearest (written: string, names: readonly string[]): string[] {
  const wanted = written.toLowerCase()
  return names
    .map(name => ({ name, steps: stepsBetween(wanted, name.toLowerCase()), holds: name.toLowerCase().includes(wanted) || wanted.includes(name.toLowerCase()) }))
    .filter(({ steps, holds }) => holds || steps <= Math.max(1, Math.floor(wanted.length / 3)))
    .sort((a, b) => a.steps - b.steps || (a.name < b.name ? -1 : 1))
    .slice(0, most)
    .map(({ name }) => name)
}

/** Letters to put in, take out or change (Levenshtein). */
function stepsBetween (from: string, to: string): number {
  let before = Array.from({ length: to.length + 1 }, (_, at) => at)
  for (let row = 1; row <= from.length; row++) {
    const steps = [row]
    for (let at = 1; at <= to.length; at++) {
      const changed = (before[at - 1] ?? 0) + (from[row - 1] === to[at - 1] ? 0 : 1)
      steps.push(Math.min(changed, (before[at] ?? 0) + 1, (steps[at - 1] ?? 0) + 1))
    }
    before = steps
  }
  return before[to.length] ?? 0
}
