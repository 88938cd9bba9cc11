import { definedIn, argumentFileOf } from '../check/instances.js'
import { problemsBetween } from './between.js'
import { examineFile, type InstanceFile } from './instance-file.js'
import { sorted, type Problem } from './problem.js'
import { problemsAround } from './surroundings.js'

/** All that is wrong with an argument file and what it leads to, but not with others beside it. Throws `ConfigError` for a file in no folder of a daemon. */
export async function problemsOf (file: string): Promise<Problem[]> {
  return await problemsOfFiles([file], true)
}

/** All that is wrong with these argument files and between them; with `all`, also with what they lead to. */
export async function problemsOfFiles (paths: readonly string[], all: boolean): Promise<Problem[]> {
  const files: InstanceFile[] = []
  for (const path of paths) files.push(await examineFile(path))
  return sorted([...files.flatMap(({ problems }) => problems), ...problemsBetween(files), ...all ? await problemsAround(files) : []])
}

/** The argument files of a host. Throws `ConfigError` if there are none. */
export function filesIn (config: string): string[] {
  return definedIn(config).map(instance => argumentFileOf(config, instance))
}
