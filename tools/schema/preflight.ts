import { defineCommand, type CommandContext } from '../../lib/cli/command.js'
import { withThoseOf } from '../../lib/cli/processor-options.js'
import { parseTime } from '../../lib/cli/times.js'
import type { CommonOptions } from '../../lib/cli/options.js'
import { ConfigError } from '../../lib/errors.js'
import { capsuleOf, noShape, shapeOf, type Shape } from '../../lib/counts/shape.js'
import { isRefused, type Schema } from '../../lib/event/schemas.js'
import { capsuleName } from '../../lib/event/schema-repository.js'
import { openWith, readProposal, settled, type Proposal } from './document.js'
import { lookAt } from './preflight/read.js'
import { reportOf } from './preflight/report.js'
import { Sightings } from './preflight/sightings.js'
import { processorFiles, sourcesOf, type RawSource } from './preflight/sources.js'
import { RowSizes } from './preflight/storage.js'
import { findingsOf, type Outlook } from './preflight/verdict.js'
import { parseChoice } from './selection.js'
import { tableOf } from './tables.js'

/** Of a revision that was looked at, and would do harm. */
const wouldBreak = 2

export const preflight = defineCommand({
  name: 'schema preflight',
  summary: 'Puts the raw events of the last day through a proposed revision: what would pass, its table, rows a day, what is purged.',
  examples: [
    ['vanadium schema preflight schemas/DemoButtonClick/2.yaml', 'with the raw logs of this host, of the last day'],
    ['vanadium schema preflight schemas/DemoButtonClick/2.yaml --raw client-side-events.log* --processor /etc/vanadium.d/processors/client-side', 'with these'],
    ['vanadium schema preflight schemas/DemoButtonClick/2.yaml --raw staging.ndjson --format %j', 'with capsules that a client under test has sent, one a line']
  ],
  notes: 'All events that name the schema are put through it as if they named this revision; those of other schemas are counted only. An EventCapsule is tried\n' +
    'on the events of all schemas. Nothing is sampled, and nobody is left out who opted out.\n' +
    'Exit codes: 0 it can be published; 2 it would break something, which is said; 78 bad options.\n\n',
  options: {
    file: { type: 'string', array: true, demandOption: true, requiresArg: true, description: 'The file of the proposed revision; "--file" before it can be left out' },
    as: { type: 'string', requiresArg: true, description: 'NAME/REVISION, where the path of the file does not tell' },
    raw: { type: 'string', array: true, default: [] as string[], requiresArg: true, description: 'Files of raw lines, plain or .gz; event errors, dead letters and events in them are taken, too [default: what consumers beside the processors write]' },
    processor: { type: 'string', array: true, default: [] as string[], requiresArg: true, description: 'Argument file of the live processor: its format, schemas, plug-ins, and the filter: or map: of its input are used [default: all of /etc/vanadium.d/processors, without --raw]' },
    format: { type: 'string', requiresArg: true, description: 'Template of a line, in the place of --processor; %j for a capsule a line' },
    from: { type: 'string', requiresArg: true, description: 'Only what was received at this time or later: 2015-02-05T10:00:00Z, -2h [default: -1d; with --raw, all]' },
    to: { type: 'string', requiresArg: true, description: 'Only what was received before this time' },
    'only-revision': { type: 'boolean', default: false, description: 'Only events that name the revision of the file, and not all of the schema\'s' },
    'most-invalid': { type: 'number', requiresArg: true, description: 'Share of events, 0 to 1, that may fail, or name no schema [default: where the registry warns of the schema]' }
  },
  operands: { option: 'file', usage: 'FILE' },
  defaults: { 'log-level': 'warn' },
  adopt: (options, common) => processorFiles(options).reduce((all, file) => withThoseOf('--processor', file, all), common),
  prepare (options, { readers }, common) {
    const { file, as, 'only-revision': onlyRevision, 'most-invalid': mostInvalid } = options
    const [path = '', ...more] = file
    if (more.length > 0) throw new ConfigError('bad-option', `${file.join(' ')}: give one file`)
    if (mostInvalid !== undefined && !(mostInvalid >= 0 && mostInvalid <= 1)) throw new ConfigError('bad-option', `--most-invalid ${mostInvalid}: give a share, 0 to 1`)
    const now = Math.floor(Date.now() / 1000)
    const from = options.from ?? (options.raw.length > 0 ? null : '-1d')
    const range = { from: from === null ? null : parseTime('--from', from, now), to: options.to === undefined ? null : parseTime('--to', options.to, now) }
    const sources = sourcesOf(options, (range.from ?? 0) * 1000, readers)
    const identity = as === undefined ? null : identityOf(as)

    return async ctx => {
      const proposal = await readProposal(path, common.schemas, identity)
      if (!proposal.isNamed) throw new ConfigError('bad-option', `${path} does not tell its schema; call it <Name>/<revision>.yaml, or give --as NAME/REVISION`)
      const outlook = await outlookOf(proposal, { sources, range, onlyRevision, common }, ctx)
      const limit = mostInvalid ?? ctx.registry.find(proposal.name).thresholds.invalid?.warning ?? 0.05
      const findings = findingsOf(outlook, limit)
      process.stdout.write(reportOf(outlook, ctx.registry.find(proposal.name), findings))
      if (findings.length > 0) process.exitCode = wouldBreak
    }
  }
})

function identityOf (as: string): { name: string, revision: number } {
  const { name, revision } = parseChoice(as)
  if (revision === null) throw new ConfigError('bad-option', `--as ${as}: the revision is missing; give NAME/REVISION, as DemoButtonClick/2`)
  return { name, revision }
}

interface Looking {
  readonly sources: readonly RawSource[]
  readonly range: { readonly from: number | null, readonly to: number | null }
  readonly onlyRevision: boolean
  readonly common: CommonOptions
}

/** Looks at the events, unless the schema is one that no event could be put through. */
async function outlookOf (proposal: Proposal, { sources, range, onlyRevision, common }: Looking, ctx: CommandContext): Promise<Outlook> {
  const then = await openWith(proposal, common)
  const proposed = settled(then, proposal)
  const known = ctx.schemas.list().filter(({ name }) => name === proposal.name)
  if (isRefused(proposed)) return { proposed, known, refused: proposed.reason }
  const table = proposal.name === capsuleName ? null : tableOf(proposed)
  if (table instanceof ConfigError) return { proposed, known, refused: table.message }
  const sightings = new Sightings(wholeShape(proposed))
  const sizes = table === null ? null : new RowSizes(table)
  await lookAt(sources, { proposed, today: ctx.schemas, then, onlyRevision, range, sightings, onValid: event => { sizes?.add(event) } }, ctx)
  return { proposed, known, refused: null, sightings, table, bytesOfRow: sizes?.mean ?? null }
}

function wholeShape ({ name, style, modern }: Schema): Shape {
  if (name === capsuleName) return capsuleOf(noShape)
  return style === 'meta' ? shapeOf(modern) : capsuleOf(shapeOf(modern))
}
