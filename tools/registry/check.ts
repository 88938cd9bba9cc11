import { defineCommand } from '../../lib/cli/command.js'
import { exitCodes } from '../../lib/errors.js'
import { defaultRegistryFile } from '../../lib/registry/files.js'
import { problemText } from '../../lib/registry/problem.js'
import { inspectRegistry, type Registry } from '../../lib/registry/registry.js'
import { numberText } from '../text.js'

export const checkCommand = defineCommand({
  name: 'registry check',
  summary: 'Says all that is wrong with a registry and its fragments, each with file and line.',
  examples: [
    ['vanadium registry check', 'the one that is installed'],
    ['vanadium registry check --registry ./registry.yaml', 'another, with ./registry.d']
  ],
  notes: 'A line each: FILE:LINE: where in it: what came, what is allowed. An end date that has\npassed is a mistake here; daemons start with it all the same. Exit codes: 0 it is good, 78 it is not.\n\n',
  light: true,
  readsRegistry: true,
  options: {},
  defaults: { 'log-level': 'warn' },
  prepare (_options, _transports, { registry: path }) {
    return async () => {
      const { registry, ...found } = inspectRegistry(path)
      const problems = [...found.problems, ...found.expired]
      for (const problem of problems) process.stdout.write(`${problemText(problem)}\n`)
      if (problems.length > 0) process.exitCode = exitCodes.config
      process.stdout.write(`${summaryOf(registry, problems.length)}\n`)
      await Promise.resolve()
    }
  }
})

/** What was read, so that nobody takes a file for checked that was not. */
function summaryOf ({ files, names, ...registry }: Registry, problems: number): string {
  if (files.length === 0 && problems === 0) return `there is no registry: ${defaultRegistryFile} is not there, and defaults hold`
  const entries = names.map(name => registry.find(name))
  const counts = [
    counted(names.length, 'schema'),
    `${numberText(entries.filter(({ owners }) => owners.length > 0).length)} with owners`,
    `${numberText(entries.filter(({ sampling }) => sampling !== null).length)} sampled`,
    `${numberText(entries.filter(({ retention }) => retention.longer !== null).length)} kept for longer`
  ]
  return `${problems === 0 ? 'good' : counted(problems, 'mistake')}; ${counted(files.length, 'file')}: ${counts.join(', ')}`
}

function counted (number: number, what: string): string {
  return `${numberText(number)} ${what}${number === 1 ? '' : 's'}`
}
