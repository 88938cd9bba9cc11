import { definedIn, argumentFileOf } from '../check/instances.js'
import { backupProblems } from './backups.js'
import { problemsBetween } from './between.js'
import { examineFile, type InstanceFile } from './instance-file.js'
import { sorted, type Problem } from './problem.js'
import { problemsAround } from './surroundings.js'

/** How far it is looked. */
export interface Scope {
  /** Also at what the files lead to: the registry, schemas, the list of users who opted out, credentials. */
  readonly all: boolean
  /** These are all argument files of a host: what one of them names and none has may be a mistake. */
  readonly isWhole: boolean
  /** What is looked at besides, if it is there or was named: what backups are made of. No daemon reads it. */
  readonly backup?: { readonly file: string, readonly isNamed: boolean }
}

/** All that is wrong with these argument files and between them. Throws `ConfigError` for a file in no folder of a daemon. */
export async function problemsOfFiles (paths: readonly string[], { all, isWhole, backup }: Scope): Promise<Problem[]> {
  const files: InstanceFile[] = []
  for (const path of paths) files.push(await examineFile(path))
  return sorted([...files.flatMap(({ problems }) => problems), ...problemsBetween(files, isWhole), ...all ? await problemsAround(files) : [], ...backup === undefined ? [] : backupProblems(backup)])
}

/** The argument files of a host. Throws `ConfigError` if there are none. */
export function filesIn (config: string): string[] {
  return definedIn(config).map(instance => argumentFileOf(config, instance))
}
