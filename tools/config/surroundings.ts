import { existsSync, readFileSync } from 'node:fs'
import { optOutFiles } from '../../lib/cli/opt-out.js'
import type { CommonOptions } from '../../lib/cli/options.js'
import { schemaOptions } from '../../lib/cli/schema-options.js'
import { about, codeOf, ConfigError, messageOf } from '../../lib/errors.js'
import { parseSchema } from '../../lib/event/schema-files.js'
import { openSchemas } from '../../lib/event/schema-repository.js'
import { isRefused } from '../../lib/event/schemas.js'
import { readList } from '../../lib/opt-out/files.js'
import { inspectRegistry } from '../../lib/registry/registry.js'
import type { InstanceFile } from './instance-file.js'
import { problemAt, problemsIn, type Problem } from './problem.js'
import { quietLog } from './quiet-log.js'

/** What is wrong with what argument files lead to: the registry, schemas, the list of users who opted out, credentials. */
export async function problemsAround (files: readonly InstanceFile[]): Promise<Problem[]> {
  const understood = files.flatMap(file => file.options === null ? [] : [{ file, common: file.options.common }])
  // most have the same: they are read once
  const repositories = new Map(understood.map(one => [JSON.stringify([one.common.schemas, one.common['schemas-url'], one.common.state]), one]))
  const schemas = [...repositories.values()].map(async ({ file, common }) => await schemaProblems(file, common))
  const lists = understood.filter(({ file }) => file.daemon === 'processor' || file.streams.some(({ wrappers }) => wrappers.includes('opt-out'))).map(async ({ file, common }) => await optOutProblems(file, common))
  const found = await Promise.all([...schemas, ...lists, ...files.map(secretProblems)])
  const registries = new Set<string | undefined>([undefined, ...understood.map(({ common }) => common.registry)])
  return [...found.flat(), ...[...registries].flatMap(registryProblems)]
}

function registryProblems (path: string | undefined): Problem[] {
  const { problems, expired } = inspectRegistry(path)
  const told = (severity: Problem['severity']) => ({ file, line, text }: typeof problems[number]): Problem => ({ file, line, severity, message: text })
  return [...problems.map(told('error')), ...expired.map(told('warning'))]
}

/** A schema that is refused stops no daemon, but what it is for: its events are all invalid. */
async function schemaProblems ({ file, args }: InstanceFile, common: CommonOptions): Promise<Problem[]> {
  const noted: Problem[] = []
  const log = quietLog((message, { path }) => { if (typeof path === 'string') noted.push(problemAt({ file: path, line: null }, message, 'warning')) })
  const unread = await problemsIn(file, args, async () => {
    const schemas = await openSchemas(schemaOptions(common, log))
    // some are refused only when a validator is made
    for (const schema of schemas.list()) if (!isRefused(schema)) schema.validate({})
    for (const { source, reason } of schemas.list().filter(isRefused)) noted.push(problemAt({ file: source, line: null }, `the schema is refused: ${reason}`))
  })
  return [...unread, ...noted.map(withLine)]
}

/** Where the text itself is wrong. */
function withLine (problem: Problem): Problem {
  try {
    if (existsSync(problem.file)) parseSchema(readFileSync(problem.file, 'utf8'))
    return problem
  } catch (error) {
    const line = error instanceof ConfigError ? error.details['line'] : undefined
    return typeof line === 'number' ? { ...problem, line } : problem
  }
}

async function optOutProblems ({ file, args }: InstanceFile, common: CommonOptions): Promise<Problem[]> {
  const files = optOutFiles(common)
  const found = await problemsIn(file, args, async () => { about('--optout', () => { readList(files) }) })
  // the same for all that do not name another
  return common.optout === undefined ? found.map(problem => ({ ...problem, file: files.file })) : found
}

/**
 * A file with a password or a key that is not there, is wrong, or can be read by others. One that this user may not read may be as it should:
 * systemd gives its daemon a copy.
 */
async function secretProblems ({ file, streams }: InstanceFile): Promise<Problem[]> {
  const unread: Problem[] = []
  const found = streams.map(async ({ argument, checkSecrets }) => await problemsIn(file, [argument], async () => {
    about(argument.text, () => {
      try {
        checkSecrets?.()
      } catch (error) {
        if (!(error instanceof ConfigError) || codeOf(error.cause) !== 'EACCES') throw error
        unread.push(problemAt(argument.place ?? { file, line: null }, `${messageOf(error.cause)}: this user may not read it, and it is not looked at; check as root`, 'warning'))
      }
    })
  }))
  return [...(await Promise.all(found)).flat(), ...unread]
}
