import { lstatSync, statSync } from 'node:fs'
import { exposureOf } from '../file/secret-file.js'
import { placeOf, type Path, type Problem } from './problem.js'
import type { RegistryInFile } from './registry-schema.js'
import type { Finding } from './shape.js'
import type { Source } from './source.js'

const places: readonly Path[] = [['mail', 'via'], ['graphite'], ['graphite-link'], ['documentation']]

/** What is wrong if a file of a registry has a password and others may read it. Without one it is everybody's. */
export function exposedPassword (source: Source): Problem[] {
  const place = places.find(path => passwordIn(valueAt(source.value, path)))
  if (place === undefined) return []
  const exposure = exposureIfThere(source.file)
  if (exposure === null) return []
  return [{ file: source.file, line: source.lineOf(place), text: `${placeOf(place)} has a password, and the file ${exposure}; or write the password into a file of its own and name that by ${place[0] === 'mail' ? 'mail/password-file' : 'graphite-password-file'}` }]
}

/** A password file is for somebody, and instead of a password. */
export function findingsOfPasswordFiles ({ mail, graphite, ...file }: RegistryInFile): Finding[] {
  const pairs: Array<[Path, string | undefined, string, string | undefined]> = [
    [['mail', 'password-file'], mail?.['password-file'], 'mail/via', mail?.via],
    [['graphite-password-file'], file['graphite-password-file'], 'graphite', graphite]
  ]
  return pairs.flatMap(([at, given, name, url]) => {
    if (given === undefined) return []
    if (url === undefined || !URL.canParse(url) || new URL(url).username === '') return [{ at, text: `${placeOf(at)}: ${name} does not say whose password it is; write scheme://user@host there` }]
    return passwordIn(url) ? [{ at, text: `${placeOf(at)}: ${name} has a password, too; take it out there` }] : []
  })
}

function valueAt (value: unknown, path: Path): unknown {
  return path.reduce<unknown>((below, name) => typeof below === 'object' && below !== null ? (below as Record<string, unknown>)[name] : undefined, value)
}

function passwordIn (url: unknown): boolean {
  return typeof url === 'string' && URL.canParse(url) && new URL(url).password !== ''
}

/** Null also of a draft, which is nobody else's and gets the modes of the file that it is for. */
function exposureIfThere (file: string): string | null {
  if (lstatSync(file, { throwIfNoEntry: false }) === undefined) return null
  const stats = statSync(file, { throwIfNoEntry: false })
  return stats === undefined ? null : exposureOf(file, stats)
}
