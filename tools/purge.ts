import { join } from 'node:path'
import { defineCommand, type CommandContext } from '../lib/cli/command.js'
import { ConfigError } from '../lib/errors.js'
import type { FileMemory } from '../lib/purge/files.js'
import { rulesInForce } from '../lib/purge/rules.js'
import { configOption } from './check/leftovers.js'
import { rememberFiles } from './purge/memory.js'
import { mysqlOptions, mysqlOptionsOf } from './purge/mysql-options.js'
import { placesOf } from './purge/places.js'
import { keyIn, reportsIn, requireRoom, verifyReports, type PurgeReport } from './purge/report.js'
import { plan, prove, purge as runPurge, wrong } from './purge/session.js'
import { openSigningKey, openVerifyingKey } from './purge/signing.js'
import { openStores } from './purge/stores.js'

export const purge = defineCommand({
  name: 'purge',
  summary: 'Deletes events whose time is over, or the fields of theirs that may not stay, wherever they are kept.',
  examples: [
    ['vanadium purge --dry-run', 'what would go from all places of this host: databases, log files, dead letters, journals'],
    ['vanadium purge', 'does it, and writes a signed report: for a timer, each night'],
    ['vanadium purge --prove', 'looks at everything; exit 2 if anything older than allowed is anywhere'],
    ['vanadium purge --files \'/srv/archive/*.gz\' --store \'mysql://db2.example.org/log?defaults-file=/etc/vanadium/purge.cnf\'', 'places that the argument files do not name'],
    ['vanadium purge --verify /var/lib/vanadium/purge/*.json', 'whether the reports are as they were written, and none is missing between them']
  ],
  notes: 'What may stay for how long is in the registry (retention); docs/operations.md says what becomes of what. Interrupted, the same command goes\n' +
    'on where it was. Exit codes besides the usual ones: 1, stopped, or something could not be dealt with; 2, --prove has found something, or\n' +
    '--verify a report that is not good.\n\n',
  options: {
    store: { type: 'string', array: true, default: [] as string[], requiresArg: true, description: 'Databases: mysql: or sqlite:, as outputs of consumers have them [default: all that argument files name]' },
    files: { type: 'string', array: true, default: [] as string[], requiresArg: true, description: 'Files of events, raw lines or dead letters, plain or .gz; * and ? in the last part [default: those that argument files name, with what logrotate made of them]' },
    journals: { type: 'boolean', default: false, description: 'The journals in --state, too [default: unless stores or files are named]' },
    config: configOption,
    ...mysqlOptions,
    'dry-run': { type: 'boolean', default: false, description: 'Only print what would go: rows, bytes and fields by place' },
    prove: { type: 'boolean', default: false, description: 'Only look whether anything is older than allowed' },
    report: { type: 'string', requiresArg: true, description: 'File for the report of what was done [default: purge/purge-TIME.json in --state]' },
    key: { type: 'string', requiresArg: true, description: 'Private Ed25519 key that signs reports, made at first use; with --verify also the public one [default: purge/purge.key in --state]' },
    verify: { type: 'string', array: true, default: [] as string[], requiresArg: true, description: 'Only look at these reports' }
  },
  defaults: { 'log-level': 'warn' },
  prepare (options, transports, { state }) {
    const { 'dry-run': isDry, prove: isProof, verify, report } = options
    const mysql = mysqlOptionsOf(options, transports)
    const key = options.key ?? keyIn(state)
    if (Number(isDry) + Number(isProof) + Number(verify.length > 0) > 1) throw new ConfigError('bad-option', '--dry-run, --prove and --verify exclude each other; give one of them')
    if (report !== undefined && (isDry || isProof || verify.length > 0)) throw new ConfigError('bad-option', `--report ${report}: only a purge writes a report; leave it out, or --dry-run, --prove and --verify`)

    return async ctx => {
      if (verify.length > 0) {
        printVerified(verify, key)
        return
      }
      const rules = rulesInForce(ctx.registry, Date.now())
      const open = (memory: FileMemory): ReturnType<typeof openStores> => openStores(placesOf({ ...options, state }, transports, ctx.log), memory, mysql, ctx)
      if (isDry) await plan(open(noMemory), rules, ctx)
      else if (isProof) await prove(open(noMemory), rules, ctx)
      else await purgeNow(report ?? join(reportsIn(state), `purge-${compact(rules.nowMs)}.json`), key, rules, open, ctx)
    }
  }
})

/** It looks at everything. */
const noMemory: FileMemory = { isClean: () => false, note: () => {} }

/** The state is held: two purges at once would disturb each other. */
async function purgeNow (report: string, key: string, rules: ReturnType<typeof rulesInForce>, open: (memory: FileMemory) => ReturnType<typeof openStores>, ctx: CommandContext): Promise<void> {
  requireRoom(report)
  const memory = rememberFiles(ctx.state, rules)
  await runPurge(open(memory), rules, { report, key: openSigningKey(key), done: () => { memory.forgetOthers() } }, ctx)
}

/** `20150521T031500.123Z`: no two are the same. */
function compact (ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]/g, '')
}

function printVerified (files: readonly string[], keyFile: string): void {
  const key = openVerifyingKey(keyFile)
  const all = verifyReports(files, key)
  const lines = all.map(({ file, fault, report }) => fault === null && report !== null ? `${file}: good, of ${report.started}, ${report.outcome}${gapText(report)}` : `${file}: NOT GOOD: ${fault ?? ''}`)
  process.stdout.write(`${[...lines, `Key: ${key.fingerprint}`].join('\n')}\n`)
  if (all.some(({ fault }) => fault !== null)) process.exitCode = wrong
}

function gapText ({ unreported }: PurgeReport): string {
  return unreported.length === 0 ? '' : `; before it ${unreported.length === 1 ? 'a run' : `${unreported.length} runs`} without a report: ${unreported.join(', ')}`
}
