#!/usr/bin/env node
import { exitCodes } from './lib/errors.js'
import type { Command, CommandGroup } from './lib/cli/command.js'
import { runCommand } from './lib/cli/run.js'
import { version } from './lib/cli/version.js'

/** Every command, loaded when it is called. */
const commands: Record<string, () => Promise<Command | CommandGroup>> = {
  forwarder: async () => (await import('./daemons/forwarder.js')).forwarder,
  processor: async () => (await import('./daemons/processor.js')).processor,
  consumer: async () => (await import('./daemons/consumer.js')).consumer,
  monitor: async () => (await import('./daemons/monitor.js')).monitor,
  journal: async () => (await import('./tools/journal.js')).journal,
  ledger: async () => (await import('./tools/ledger.js')).ledger,
  registry: async () => (await import('./tools/registry.js')).registry,
  schema: async () => (await import('./tools/schema.js')).schema,
  optout: async () => (await import('./tools/optout.js')).optout,
  replay: async () => (await import('./tools/replay.js')).replay,
  purge: async () => (await import('./tools/purge.js')).purge,
  check: async () => (await import('./tools/check.js')).check,
  report: async () => (await import('./tools/report.js')).report,
  owners: async () => (await import('./tools/owners.js')).owners,
  dashboards: async () => (await import('./tools/dashboards.js')).dashboards,
  notify: async () => (await import('./tools/notify.js')).notify,
  sampling: async () => (await import('./tools/sampling.js')).sampling,
  status: async () => (await import('./tools/status.js')).status,
  tap: async () => (await import('./tools/tap.js')).tap,
  top: async () => (await import('./tools/top.js')).top,
  explain: async () => (await import('./tools/explain.js')).explain,
  run: async () => (await import('./tools/run.js')).run
}

const [name = '--help', ...args] = process.argv.slice(2)
process.exitCode = await main(name, args)

async function main (name: string, args: readonly string[]): Promise<number> {
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (load !== undefined) return await runOf(await load(), args)
  if (name === '--version' || name === '-V') return print(version())
  if (name === '--help' || name === 'help') return print(await help())
  process.stderr.write(`vanadium: there is no command "${name}"; there are ${Object.keys(commands).join(', ')}\n`)
  return exitCodes.config
}

async function runOf (found: Command | CommandGroup, args: readonly string[]): Promise<number> {
  if (!('commands' in found)) return await runCommand(found, args)
  const [name = '', ...rest] = args
  const command = found.commands.find(command => command.name === `${found.name} ${name}`)
  if (command !== undefined) return await runCommand(command, rest)
  if (name === '--help' || name === '-h' || name === 'help') return print(groupHelp(found))
  if (name === '') {
    print(groupHelp(found))
    return found.nothingDone ?? exitCodes.done
  }
  const names = found.commands.map(command => command.name.slice(found.name.length + 1))
  process.stderr.write(`vanadium: there is no command "${found.name} ${name}"; there are ${names.join(', ')}\n`)
  return found.nothingDone ?? exitCodes.config
}

function groupHelp ({ name, summary, commands }: CommandGroup): string {
  return [
    `vanadium ${name}: ${summary}`,
    '', `Usage: vanadium ${name} <command> [options] [@file…]`, '', ...commands.map(command => `  ${command.name.slice(name.length + 1).padEnd(11)}${command.summary}`),
    '', `vanadium ${name} <command> --help lists its options, with examples.`
  ].join('\n')
}

function print (text: string): number {
  process.stdout.write(`${text}\n`)
  return exitCodes.done
}

async function help (): Promise<string> {
  const lines = await Promise.all(Object.values(commands).map(async load => {
    const { name, summary } = await load()
    return `  ${name.padEnd(11)}${summary}`
  }))
  return [
    'vanadium: log lines in; validated events in MySQL, SQLite, JSON files and ZeroMQ streams out.',
    '', 'Usage: vanadium <command> [options] [@file…]', '', ...lines,
    '', 'vanadium <command> --help lists its options, with examples. vanadium --version tells the version.',
    'Exit codes: 0 done, 1 transport failed (restart), 70 bug, 78 bad configuration.'
  ].join('\n')
}
