/** Nothing is waited for longer, within which it should be. */
export function patienceSeconds (withinSeconds: number): number {
  return Math.max(60, 4 * withinSeconds)
}

/** What is disturbed is so for no longer. */
export function mostDisturbedSeconds (withinSeconds: number): number {
  return 2 * patienceSeconds(withinSeconds) + 30
}
