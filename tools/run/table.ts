import { cut, type Line, type Span, type Style } from '../terminal/text.js'
import type { CommandLine, Count, SchemaCounts, Stage, View } from './view.js'

/** A line of the table, and how readily it is left out where the terminal is too low: higher first, 0 never. */
type Row = readonly [line: Line, rank: number]

const gap: Row = [[], 9]

/** The table for a terminal of this size: lines that belong nowhere else are left out until it fits. */
export function tableOf (view: View, width: number, height: number): Line[] {
  const rows: Row[] = [
    [[[' vanadium', 'bold'], [` · ${view.phase}`], [' · Ctrl-C stops it', 'dim']], 0],
    gap,
    ...stageRows(view.stages),
    gap,
    ...schemaRows(view),
    gap,
    ...errorRows(view),
    ...happeningRows(view),
    gap,
    ...placeRows(view),
    gap,
    ...tryRows(view, width)
  ]
  while (rows.length > height) {
    const highest = Math.max(...rows.map(([, rank]) => rank))
    rows.splice(rows.findLastIndex(([, rank]) => rank === highest), 1)
  }
  return rows.map(([line]) => line)
}

function stageRows (stages: readonly Stage[]): Row[] {
  const header: Line = [[` ${left('stage', 22)}${left('reads', 14)}${left('writes', 14)}${right('records', 8)}${right('/s', 6)} state`, 'dim']]
  return [[header, 1], ...stages.map(stage => [stageLine(stage), 0] as const)]
}

function stageLine ({ label, reads, writes, records, state, restarts }: Stage): Line {
  return [
    [` ${left(label, 22)}`],
    [`${left(reads, 14)}${left(writes, 14)}`, 'dim'],
    ...countSpans(records, 8),
    [` ${state === 'waiting' ? 'down' : state}`, state === 'up' ? 'green' : state === 'starting' ? 'yellow' : 'red'],
    [restarts === 0 ? '' : `, ${restarts} restart${restarts === 1 ? '' : 's'}`, 'yellow']
  ]
}

function schemaRows ({ schemas, all }: View): Row[] {
  const header: Line = [[` ${left('schema', 32)}${right('valid', 8)}${right('/s', 6)}${right('invalid', 11)}${right('/s', 6)}`, 'dim']]
  return [
    [header, 1],
    ...schemas.map((schema, i) => [schemaLine(schema), i < 4 ? 3 : 7] as const),
    [schemaLine(all, 'bold'), 2]
  ]
}

function schemaLine ({ name, valid, invalid }: SchemaCounts, style?: Style): Line {
  return [[` ${left(name, 32)}`, style ?? 'plain'], ...countSpans(valid, 8), ...countSpans(invalid, 11, invalid.total > 0 ? 'red' : 'plain')]
}

function countSpans ({ total, perSecond }: Count, width: number, style: Style = 'plain'): Span[] {
  const rate = perSecond < 999.9 ? perSecond.toFixed(1) : Math.round(perSecond).toLocaleString('en')
  return [[right(total.toLocaleString('en'), width), style], [right(rate, 6), 'dim']]
}

function errorRows ({ lastError, atMs }: View): Row[] {
  if (lastError === null) return [[[[' last invalid event: none yet', 'dim']], 5]]
  const ago = `${Math.max(0, Math.round((atMs - lastError.atMs) / 1000))} s ago`
  return [
    [[[' last invalid event: ', 'dim'], [lastError.schema, 'bold'], [`, ${ago}`, 'dim']], 1],
    [[[`   ${lastError.message}`, 'yellow']], 1]
  ]
}

function happeningRows ({ happenings }: View): Row[] {
  const last = happenings.at(-1)
  if (last === undefined) return []
  return [
    [[], 9],
    ...happenings.map(({ atMs, text }) => [[[` ${timeOf(atMs)} `, 'dim'], [text, 'red']], 1] as const),
    ...last.said.map(line => [[[`          ${line}`, 'dim']], 6] as const)
  ]
}

function placeRows ({ places }: View): Row[] {
  return places.map(([what, where], i) => [[[` ${left(what, 11)}`, 'dim'], [where]], i < 3 ? 2 : 8] as const)
}

function tryRows ({ tryIt, running }: View, width: number): Row[] {
  if (!running) return []
  return [
    [[[' send an event yourself, 204 means accepted; and find it:', 'dim']], 3],
    ...broken(tryIt.send, width - 4).map(line => [[[`   ${line}`, 'cyan']], 0] as const),
    [[[`   ${tryIt.find}`, 'cyan']], 1]
  ]
}

/** A command in lines of at most `width` columns, as far as its parts allow; a shell takes them as one, also when they are copied. */
function broken (parts: CommandLine, width: number): string[] {
  const lines: string[] = []
  for (const part of parts) {
    const last = lines.at(-1)
    if (last === undefined) lines.push(part)
    else if (last.length + 1 + part.length + 2 <= width) lines[lines.length - 1] = `${last} ${part}`
    else lines.splice(-1, 1, last.endsWith(',') ? last : `${last} \\`, `  ${part}`)
  }
  return lines
}

export function timeOf (ms: number): string {
  return new Date(ms).toTimeString().slice(0, 8)
}

function left (text: string, width: number): string {
  return cut(text, width - 1).padEnd(width)
}

function right (text: string, width: number): string {
  return text.padStart(width)
}
