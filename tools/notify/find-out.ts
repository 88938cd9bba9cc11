import { messageOf } from '../../lib/errors.js'
import type { GraphiteClient } from '../../lib/graphite/client.js'
import type { Registry } from '../../lib/registry/registry.js'
import type { Alert } from './alert.js'
import { changesOf, guilty, type Changes } from './changes.js'
import { draw, graphOf, linkTo } from './graph.js'
import type { Findings } from './message.js'
import { alerting, type ReadFigure } from './perfdata.js'
import { readersBehind } from './readers.js'
import { services, type Service } from './services.js'

export interface Question {
  readonly alert: Alert
  readonly service: Service
  readonly prefix: string
  /** What is compared with last week. */
  readonly windowMs: number
  readonly stateDirectory: string
  /** Of the graph, in place of the service's own. */
  readonly metrics: readonly string[]
  readonly figures: readonly ReadFigure[]
  readonly registry: Registry
}

/** Figures of these names are of no schema. */
const noSchemas = ['overall', 'unknown']

/** Asks Graphite and the states of this host. What does not answer is said in what is returned; never throws for it. */
export async function findOut ({ alert, service, prefix, windowMs, stateDirectory, metrics, figures, registry }: Question, client: GraphiteClient): Promise<Omit<Findings, 'registryProblem'>> {
  const isProblem = alert.type === 'PROBLEM' || alert.type === 'CUSTOM'
  const changes = isProblem && service.cause !== undefined ? await orReason(changesOf(client, prefix, service.cause.kind, windowMs)) : null
  const schemas = isProblem ? blamed(service, changes, figures) : []
  const graph = graphOf(alert, service, { prefix, own: metrics, schemas, figures })
  const hasGraph = graph !== null && (isProblem || alert.type === 'RECOVERY')
  // whoever has not answered once is not waited for again
  const picture = !hasGraph ? null : typeof changes === 'string' ? changes : await orReason(draw(graph, client))
  const readers = isProblem ? readersBehind(stateDirectory) : { lines: [], problem: null }
  return {
    changes,
    schemas,
    readers: readers.lines,
    readersProblem: readers.problem,
    picture,
    graphLink: hasGraph ? linkTo(graph, registry.graphiteLink) : null,
    runbook: `${registry.documentation}/operations.md#${anchorOf(alert.service)}`,
    nowMs: Date.now()
  }
}

/** Headings of docs/operations.md; a service of an operator's own has none. */
function anchorOf (service: string): string {
  if (!Object.hasOwn(services, service)) return 'alerts'
  return service === 'host' ? 'alert-host' : `alert-vanadium-${service}`
}

/** Whom the plug-in named; else who changed, if the service is about that. */
function blamed ({ cause, isBySchema }: Service, changes: Changes | string | null, figures: readonly ReadFigure[]): string[] {
  if (isBySchema === true) return alerting(figures).filter(name => !noSchemas.includes(name))
  return cause === undefined || changes === null || typeof changes === 'string' ? [] : guilty(changes, cause.direction)
}

async function orReason<T> (answer: Promise<T>): Promise<T | string> {
  try {
    return await answer
  } catch (error) {
    return messageOf(error)
  }
}
