import type { CommandContext } from '../../lib/cli/command.js'
import { isRefused } from '../../lib/event/schemas.js'
import { planTable } from '../../lib/sql/columns.js'
import { tableName } from '../../lib/sql/names.js'
import type { Row } from '../check/database.js'
import { lookIntoFiles, lookIntoJournals, type Look } from './kept.js'
import { createMatcher, formsOf } from './matcher.js'
import { purgeSection, secondsOfColumn } from './purge.js'
import type { ProcessorPlan } from './candidates.js'
import { columns, shown, type Section } from './section.js'
import type { AskedStore } from './stores.js'

export interface Search {
  readonly uuid: string
  readonly stores: readonly AskedStore[]
  readonly files: readonly string[]
  readonly stateDirectory: string
  readonly plans: readonly ProcessorPlan[]
}

/** Where an event is that is known by its uuid, and what that means if it is nowhere. */
export async function explainUuid ({ uuid, stores, files, stateDirectory, plans }: Search, ctx: CommandContext): Promise<Section[]> {
  const matcher = createMatcher(uuid, plans)
  const asked: Look[] = []
  const sections: Section[] = []
  for (const store of stores) {
    const { look, purge } = await lookIntoStore(store, uuid, ctx)
    asked.push(look)
    if (look.found.length > 0) sections.push({ title: `Found in ${look.place}`, lines: look.found }, ...purge)
  }
  const looks = [...await lookIntoFiles(files, matcher, ctx), ...await lookIntoJournals(stateDirectory, matcher, ctx)]
  sections.push(...looks.filter(({ found }) => found.length > 0).map(({ place, found }) => ({ title: `Found in ${place}`, lines: found })))
  asked.push(...looks)
  const places = { title: 'Asked', lines: columns(asked.map(({ place, found, problem }) => [place, problem ?? (found.length > 0 ? 'it is there' : 'not there')])) }
  if (sections.length > 0) return [...sections, places]
  return [ctx.stop.aborted ? { title: `${uuid} was not found so far: stopped`, lines: [] } : { title: `${uuid} was not found`, lines: asked.some(({ problem }) => problem !== null) ? [...whatThatMeans, 'or it is where that cannot be known: see below.'] : whatThatMeans }, places]
}

const whatThatMeans = [
  'It never came in; or it is on its way, or was lost on it: vanadium status, vanadium ledger;',
  'or it was left out by sampling, or as its user has opted out: such events are counted, and kept nowhere;',
  'or it was purged, or pruned from the journals;',
  'or it did not validate: an EventError has a uuid of its own. Files and journals were searched for its line, tables cannot be;',
  'or it is in a place that was not asked: another host has other files and journals. See --store, --files and --state.'
]

async function lookIntoStore (store: AskedStore, uuid: string, ctx: CommandContext): Promise<{ look: Look, purge: Section[] }> {
  const tables = await store.tables()
  if (typeof tables === 'string') return { look: { place: store.name, found: [], problem: tables }, purge: [] }
  for (const { table, key } of tables) {
    if (ctx.stop.aborted) break
    const rows = await store.rows(table, key, formsOf(uuid))
    if (typeof rows === 'string') return { look: { place: store.name, found: [], problem: `${table} ${rows}` }, purge: [] }
    const [row] = rows
    if (row !== undefined) return { look: { place: store.name, found: rowLines(table, row), problem: null }, purge: purgeOf(table, row, ctx) }
  }
  return { look: { place: store.name, found: [], problem: null }, purge: [] }
}

function rowLines (table: string, row: Row): string[] {
  const filled = Object.entries(row).filter(([, value]) => value !== null)
  const empty = Object.entries(row).filter(([, value]) => value === null).map(([name]) => name)
  return [`table ${table}`, ...columns(filled.map(([name, value]) => [name, shown(value)])), ...empty.length === 0 ? [] : [`NULL: ${empty.join(', ')}`]]
}

function purgeOf (table: string, row: Row, { schemas, registry }: CommandContext): Section[] {
  const schema = schemas.list().find(({ name, revision }) => tableName(name, revision).toLowerCase() === table.toLowerCase())
  if (schema === undefined || isRefused(schema)) return [{ title: 'The purge', lines: [`no usable schema has the table ${table}: the defaults of the registry hold`] }]
  const plan = planTable(schema)
  return [purgeSection(plan, registry, { seconds: secondsOfColumn(row[plan.time]), about: row['event_schema'] })]
}
