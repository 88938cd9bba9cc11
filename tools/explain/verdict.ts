import type { Capsule } from '../../lib/event/capsule.js'
import { identifyEvent } from '../../lib/event/identity.js'
import { isRefused, type Problem, type SchemaRepository } from '../../lib/event/schemas.js'
import { nearest } from '../schema/nearest.js'
import { columns, shown, type Section } from './section.js'

/** Fields shown, and how deep they are looked for. */
const most = { fields: 500, depth: 20 } as const

/** What validation says of each field of an event, which is shown as it is in `exact`; of one whose schema cannot be used, why. */
export function verdictOf (event: Capsule, schemas: SchemaRepository, exact = event): Section {
  const title = 'The verdict, field by field'
  const identity = identifyEvent(event)
  if (identity === null) return { title, lines: ['it does not say which schema it has, so nothing can be said of its fields'] }
  const { name, revision } = identity
  const schema = schemas.find(name, revision)
  if (schema === undefined) return { title, lines: [`there is no schema ${name}/${revision}; ${others(name, schemas)}`] }
  if (isRefused(schema)) return { title, lines: [`schema ${name}/${revision} (${schema.source}) cannot be used: ${schema.reason}`] }
  const problems = schema.problems(event)
  return { title, lines: [`by schema ${name}/${revision} (${schema.source})`, ...columns(rowsOf(exact, problems))] }
}

function others (name: string, schemas: SchemaRepository): string {
  const revisions = schemas.list().filter(schema => schema.name === name).map(({ revision }) => revision)
  if (revisions.length > 0) return `there is revision ${revisions.join(', ')}`
  const near = nearest(name, [...new Set(schemas.list().map(schema => schema.name))])
  return near.length > 0 ? `names like it: ${near.join(', ')}` : 'no name is like it'
}

function rowsOf (event: Capsule, problems: readonly Problem[]): string[][] {
  const due = new Map<string, string[]>()
  for (const problem of problems) due.set(problem.pointer, [...due.get(problem.pointer) ?? [], wordsOf(problem)])
  const rows: string[][] = []
  const { fields, isWhole } = fieldsOf(event)
  for (const [pointer, value] of fields) {
    // of an array, what is wrong with its items
    const own = [...due].filter(([at]) => at === pointer || at.startsWith(`${pointer}/`))
    for (const [at] of own) due.delete(at)
    rows.push([pointer, shown(value, 60), own.map(([at, words]) => `WRONG${at === pointer ? '' : ` at ${at}`}: ${words.join('; ')}`).join('; ') || 'ok'])
  }
  if (!isWhole) rows.push(['…', '', `more than ${most.fields} fields; the others are not shown`])
  for (const [pointer, words] of due) {
    const seen = problems.find(problem => problem.pointer === pointer)?.seen ?? ''
    rows.push([pointer === '' ? 'the event' : pointer, seen === 'nothing' ? '–' : seen, `WRONG: ${words.join('; ')}`])
  }
  return rows
}

/** As event errors say it, without the place, and with what was expected where it was not sent at all. */
function wordsOf ({ pointer, message, expected, seen }: Problem): string {
  const words = message.startsWith(`${pointer}: `) ? message.slice(pointer.length + 2) : message
  return `${words}${seen === 'nothing' ? `; send ${expected}` : ''}`
}

/** What has no fields below it, by its pointer. */
function fieldsOf (event: Capsule): { fields: Array<readonly [pointer: string, value: unknown]>, isWhole: boolean } {
  const fields: Array<readonly [string, unknown]> = []
  const due: Array<{ pointer: string, value: unknown, depth: number }> = [{ pointer: '', value: event, depth: 0 }]
  for (let next = due.pop(); next !== undefined; next = due.pop()) {
    const { pointer, value, depth } = next
    const isOpen = typeof value === 'object' && value !== null && !Array.isArray(value) && depth < most.depth && Object.keys(value).length > 0
    if (!isOpen) {
      if (fields.length === most.fields) return { fields, isWhole: false }
      fields.push([pointer, value])
      continue
    }
    for (const [key, below] of Object.entries(value).reverse()) {
      due.push({ pointer: `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`, value: below, depth: depth + 1 })
    }
  }
  return { fields, isWhole: true }
}
