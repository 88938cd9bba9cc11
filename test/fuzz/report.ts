import type { Finding, Report } from './harness.js'

export function textOf (name: string, { inputs, slowestMs, slowestSeed, finding }: Report, elapsedMs: number): string {
  const rate = Math.round(inputs / Math.max(elapsedMs / 1000, 0.001))
  return `${name}: ${inputs} inputs, ${rate}/s, slowest ${slowestMs.toFixed(1)} ms (seed ${slowestSeed})${finding === null ? '' : `: ${finding.kind}`}`
}

/** What was found, and how it is found again. */
export function repeatOf ({ target, kind, what, seed, input }: Finding): string {
  const repeat = typeof seed === 'number' ? `make fuzz TARGET=${target} SEED=${seed} INPUTS=1` : seed === null ? 'the same command again' : `make fuzz TARGET=${target}, which begins with test/fuzz/findings/${target}/${seed}`
  return `${target}: ${kind}: ${what}\n${input === null ? '' : `input: ${input}\n`}repeat: ${repeat}\n`
}
