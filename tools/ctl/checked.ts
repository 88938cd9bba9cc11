import { problemsBetween } from '../config/between.js'
import { examineFile, type InstanceFile } from '../config/instance-file.js'
import { problemText, type Problem } from '../config/problem.js'
import type { Host } from './host.js'
import type { Unit } from './units.js'

/** Units by whether their configuration lets them start. */
export interface Checked {
  readonly good: readonly Unit[]
  readonly bad: readonly Unit[]
}

/** Mistakes keep those from being started in whose argument files they are, and no others. They are printed. */
export async function checked (units: readonly Unit[], host: Host): Promise<Checked> {
  const files: InstanceFile[] = []
  for (const unit of host.defined) files.push(await examineFile(host.fileOf(unit)))
  const between = problemsBetween(files, true)
  const found = units.map(unit => {
    const path = host.fileOf(unit)
    // what another file has that it names is a mistake of both
    const own = files.find(({ file }) => file === path)?.problems ?? []
    return { unit, mistakes: [...own, ...between.filter(({ file }) => file === path)].filter(isMistake) }
  })
  const bad = found.filter(({ mistakes }) => mistakes.length > 0)
  for (const text of new Set(bad.flatMap(({ mistakes }) => mistakes.map(problemText)))) process.stdout.write(`${text}\n`)
  return { good: found.filter(({ mistakes }) => mistakes.length === 0).map(({ unit }) => unit), bad: bad.map(({ unit }) => unit) }
}

export function isMistake ({ severity }: Problem): boolean {
  return severity === 'error'
}
