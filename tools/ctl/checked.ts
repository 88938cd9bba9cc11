import { problemText, type Problem } from '../config/problem.js'
import { problemsOfFiles } from '../config/problems.js'
import type { Host } from './host.js'
import type { Unit } from './units.js'

/** Units by whether their configuration lets them start. */
export interface Checked {
  readonly good: readonly Unit[]
  readonly bad: readonly Unit[]
}

/** Mistakes keep those from being started in whose argument files they are, and no others. They are printed. */
export async function checked (units: readonly Unit[], host: Host): Promise<Checked> {
  const together = await problemsOfFiles(host.defined.map(host.fileOf), { all: false, isWhole: true })
  const found = await Promise.all(units.map(async unit => {
    const file = host.fileOf(unit)
    // what another file has that it names is a mistake of both
    const own = await problemsOfFiles([file], { all: false, isWhole: false })
    return { unit, mistakes: [...own.filter(isMistake), ...together.filter(problem => problem.file === file && isMistake(problem))] }
  }))
  const bad = found.filter(({ mistakes }) => mistakes.length > 0)
  for (const text of new Set(bad.flatMap(({ mistakes }) => mistakes.map(problemText)))) process.stdout.write(`${text}\n`)
  return { good: found.filter(({ mistakes }) => mistakes.length === 0).map(({ unit }) => unit), bad: bad.map(({ unit }) => unit) }
}

export function isMistake ({ severity }: Problem): boolean {
  return severity === 'error'
}
