import type { GraphiteClient } from '../../lib/graphite/client.js'
import type { Alert } from './alert.js'
import { kinds } from './changes.js'
import type { ReadFigure } from './perfdata.js'
import type { Service } from './services.js'

/** A picture of Graphite, and what it is asked with. */
export interface Graph {
  readonly targets: readonly string[]
  readonly title: string
}

const window = { from: '-6h', until: 'now' }
/** Of schemas that are to blame. */
const mostSchemas = 3

/** What explains an alert: its own metrics, the same last week, its limits, and the schemas that are to blame. Null if there is nothing to show. */
export function graphOf ({ service, host }: Alert, { metrics, cause }: Service, { prefix, own, schemas, figures }: { prefix: string, own: readonly string[], schemas: readonly string[], figures: readonly ReadFigure[] }): Graph | null {
  const shown = own.length > 0 ? own : metrics.map(metric => metric.replaceAll('PREFIX', prefix))
  const ofSchemas = cause === undefined ? [] : schemas.slice(0, mostSchemas).map(schema => ({ name: schema, target: `${prefix}.schema.${schema}${kinds[cause.kind]}.rate` }))
  const lines = [...shown.map(target => ({ name: null, target })), ...ofSchemas]
  if (lines.length === 0) return null
  return {
    title: `${service} on ${host} (times in UTC)`,
    targets: [
      ...lines.slice(0, 1).filter(({ target }) => !target.includes('*')).map(({ name, target }) => aliased(`color(dashed(timeShift(${target},"7d")),"gray")`, `${name ?? target}, last week`)),
      ...lines.map(({ name, target }) => target.includes('*') ? `aliasByNode(${target},${prefix.split('.').length},${prefix.split('.').length + 1})` : aliased(target, name ?? target)),
      ...(shown.length === 1 ? limitLines(figures) : [])
    ]
  }
}

/** Where people can look at the same, and change it. */
export function linkTo ({ targets, title }: Graph, base: string): string {
  const fields = new URLSearchParams([...targets.map((target): [string, string] => ['target', target]), ...Object.entries({ ...window, title, width: '900', height: '450', tz: 'UTC' })])
  return `${base}/render?${fields.toString()}`
}

export async function draw ({ targets, title }: Graph, client: GraphiteClient): Promise<Buffer> {
  return await client.picture(targets, { ...window, title, width: 700, height: 350 })
}

function aliased (target: string, name: string): string {
  return `alias(${target},"${name.replace(/["\\]/g, '')}")`
}

/** Of one figure: of several it would not be seen which is whose. */
function limitLines (figures: readonly ReadFigure[]): string[] {
  const [figure, ...others] = figures
  if (figure === undefined || others.length > 0) return []
  const limit = (text: string | undefined): string | undefined => /^(?:~:)?(\d+(?:\.\d+)?):?$/.exec(text ?? '')?.[1]
  return [['warning', limit(figure.warning?.text), 'orange'], ['critical', limit(figure.critical?.text), 'red']]
    .flatMap(([name, value, color]) => value === undefined ? [] : [`threshold(${value},"${String(name)}","${String(color)}")`])
}
