import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { defineCommand } from '../../lib/cli/command.js'
import { ConfigError, exitCodes } from '../../lib/errors.js'
import { configOption } from '../check/leftovers.js'
import { installedTests, testFilesIn } from './test-files.js'
import { harmless } from '../terminal/text.js'
import { readCases, type Case, type Cases } from './cases.js'
import { examineFile, type InstanceFile } from './instance-file.js'
import { judge, type Output } from './judge.js'
import { problemAt, problemText, type Problem } from './problem.js'
import { tryLines, unkept, type Trial, type TrialOptions } from './trial.js'

export const testCommand = defineCommand({
  name: 'config test',
  summary: 'Runs sample lines through an instance\'s own format, filters, opt-out, sampling and schemas, and says whether what must become of them does.',
  examples: [
    ['vanadium config test', 'all of /etc/vanadium/tests, with the argument files of this host'],
    ['vanadium config test --config draft /etc/vanadium/tests/client-side.yaml', 'the same cases with argument files that are not installed yet: draft/processors/client-side'],
    ['vanadium config test --schemas draft/schemas --registry draft/registry.yaml', 'with schemas and a registry that are not']
  ],
  notes: 'What a file of cases has: docs/config-tests.md. The daemon itself runs, between a source and sinks in memory: nothing is opened, sent, or kept.\n' +
    'Exit codes besides the usual ones: 1 a case is not as expected; 78 also for a file of cases or an argument file that is wrong.\n\n',
  light: true,
  readsRegistry: true,
  options: {
    file: { type: 'string', array: true, default: [] as string[], requiresArg: true, description: `Files of cases [default: ${installedTests}/*.yaml]; "--file" before it can be left out` },
    config: configOption,
    schemas: { type: 'string', array: true, default: [] as string[], requiresArg: true, description: 'Directories of schemas that are searched before those of the instance' }
  },
  operands: { option: 'file', usage: '[FILE…]' },
  defaults: { 'log-level': 'warn' },
  prepare ({ file, config, schemas }, _transports, { registry }) {
    return async () => {
      const files = file.length > 0 ? file : testFilesIn(installedTests)
      const read = files.map(readCases)
      const problems = read.flatMap(found => Array.isArray(found) ? found : [])
      if (problems.length > 0) return refuse(problems)
      const total = { cases: 0, wrong: 0 }
      for (const cases of read as Cases[]) {
        const told = await runCases(cases, config, { schemas, registry, optedOut: cases.optedOut })
        if (told.some(one => 'severity' in one)) return refuse(told as Problem[])
        for (const { case: { name, line }, wrong } of told as Told[]) {
          process.stdout.write(`${wrong.length === 0 ? 'ok' : 'not ok'} ${++total.cases} - ${cases.file}:${line}: ${harmless(name)}\n${wrong.map(text => `  ${harmless(text)}\n`).join('')}`)
          if (wrong.length > 0) total.wrong++
        }
      }
      process.stdout.write(`${total.cases} cases, ${total.wrong === 0 ? 'all as expected' : `${total.wrong} not as expected`}\n`)
      if (total.wrong > 0) process.exitCode = 1
    }
  }
})

interface Told {
  readonly case: Case
  readonly wrong: readonly string[]
}

function refuse (problems: readonly Problem[]): void {
  process.stdout.write(problems.map(problem => `${problemText(problem)}\n`).join(''))
  process.exitCode = exitCodes.config
}

/** What is wrong with the argument file, or with what a case names of it, instead. */
async function runCases (cases: Cases, config: string, options: TrialOptions): Promise<Told[] | Problem[]> {
  const path = join(config, cases.instance)
  const wrongName = (why: string): Problem[] => [problemAt({ file: cases.file, line: cases.instanceLine }, why)]
  const file = await examined(path)
  if (typeof file === 'string') return wrongName(file)
  if (file.daemon === 'monitor') return wrongName('a monitor only counts: there is nothing to expect of it')
  if (file.options === null || file.problems.length > 0) return [...file.problems]
  const { input } = file.options.own as { input: string[] }
  const trials = new Map<string, Trial[]>()
  const lines = cases.cases.map(({ text }) => text)
  const outputs = outputsOf(file)
  const problems = cases.cases.flatMap(one => problemsOfCase(one, cases.file, input, outputs))
  if (problems.length > 0) return problems
  for (const uri of waysIn(file, cases.cases)) trials.set(uri, await tryLines(file, uri, lines, options))
  return cases.cases.map((one, at) => ({ case: one, wrong: wrongWith(one, at, trials, outputs, file) }))
}

async function examined (path: string): Promise<InstanceFile | string> {
  if (!existsSync(path)) return `instance: there is no ${path}; name an argument file below --config`
  try {
    return await examineFile(path)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
}

/** Those that go through the same functions are tried once, unless a case names one. */
function waysIn (file: InstanceFile, cases: readonly Case[]): string[] {
  const inputs = file.streams.filter(({ option }) => option === 'input')
  const first = new Map(inputs.map(use => [JSON.stringify([use.wrappers, use.functions]), use.argument.text]).reverse() as Array<[string, string]>)
  const named = inputs.map(({ argument: { text } }) => text).filter(uri => cases.some(({ input }) => input !== null && uri.startsWith(input)))
  return [...new Set([...first.values(), ...named])]
}

function outputsOf (file: InstanceFile): Output[] {
  const { output, invalid } = file.options?.own as unknown as { output: string | string[], invalid?: string[] }
  const events = [output].flat()
  const errors = invalid ?? [unkept]
  const all = file.daemon === 'processor' ? [...new Set([...events, ...errors])] : events
  return all.map(uri => ({ uri, gets: new Set([...events.includes(uri) ? ['events' as const] : [], ...errors.includes(uri) ? ['errors' as const] : []]) }))
}

function problemsOfCase ({ input, output, line }: Case, file: string, inputs: readonly string[], outputs: readonly Output[]): Problem[] {
  const none = (which: string, given: string | null, uris: readonly string[]): Problem[] =>
    given === null || uris.some(uri => uri.startsWith(given)) ? [] : [problemAt({ file, line }, `${which} ${given} is none of the instance's; there are ${uris.join(' ')}`)]
  return [...none('input', input, inputs), ...none('output', output, outputs.map(({ uri }) => uri))]
}

function wrongWith (one: Case, at: number, trials: ReadonlyMap<string, readonly Trial[]>, outputs: readonly Output[], { daemon }: InstanceFile): string[] {
  const ways = [...trials].filter(([uri]) => one.input === null || uri.startsWith(one.input))
  const looked = outputs.filter(({ uri }) => one.output === null || uri.startsWith(one.output))
  const found = ways.map(([uri, results]) => ({ uri, wrong: judge(one, results[at] as Trial, looked, daemon === 'processor') }))
  const [first] = found
  if (first !== undefined && found.every(({ wrong }) => wrong.join('\n') === first.wrong.join('\n'))) return first.wrong
  return found.flatMap(({ uri, wrong }) => wrong.map(text => `by ${uri}: ${text}`))
}
