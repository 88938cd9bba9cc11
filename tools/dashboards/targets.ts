import { metricName } from '../../lib/event/tally.js'

/** What the figures of a graph are. */
export type Unit = 'per second' | 'records' | 'seconds' | 'share'

/** One graph, as Graphite and Grafana draw it alike. */
export interface Graph {
  readonly title: string
  readonly unit: Unit
  /** Graphite's expressions, each with a name for its line. */
  readonly targets: readonly string[]
}

/** A page of graphs. */
export interface Dashboard {
  /** Of the file, and in URLs. */
  readonly name: string
  readonly title: string
  readonly graphs: readonly Graph[]
}

/** Lines of a graph in which schemas or streams compete. */
const mostLines = 10

/** Of the whole pipeline. */
export function overviewGraphs (prefix: string): Graph[] {
  const overall = (name: string): string => `${prefix}.overall.${name}.rate`
  const depth = prefix.split('.').length
  const gauge = (name: string): string => `aliasByNode(${prefix}.*.*.${name},${depth},${depth + 1})`
  // a counter of each instance: only those that counted at all
  const losses = (name: string): string => `aliasByNode(maximumAbove(${prefix}.*.*.${name}.rate,0),${depth},${depth + 1},${depth + 2})`
  const ofStreams = (kind: string): string => `aliasByNode(exclude(${prefix}.*.${kind}.rate,"^${escaped(prefix)}\\.overall\\."),${depth},${depth + 1})`
  return [
    { title: 'Raw, valid, invalid', unit: 'per second', targets: ['raw', 'valid', 'invalid'].map(name => alias(overall(name), name)) },
    { title: 'Raw that is neither valid nor invalid, nor left out', unit: 'per second', targets: [alias(`diffSeries(${overall('raw')},${overall('{valid,invalid,sampled,opted_out}')})`, 'difference')] },
    { title: 'Valid and inserted', unit: 'per second', targets: ['valid', 'inserted'].map(name => alias(overall(name), name)) },
    { title: 'Lag', unit: 'seconds', targets: [gauge('lag_seconds')] },
    { title: 'Lag in records', unit: 'records', targets: [gauge('lag')] },
    { title: 'Lost, and dead letters', unit: 'per second', targets: [losses('lost'), losses('dead_letter')] },
    { title: 'Streams: raw, valid', unit: 'per second', targets: [ofStreams('raw'), ofStreams('valid')] },
    { title: 'Streams: invalid', unit: 'per second', targets: [ofStreams('invalid')] },
    { title: `Valid by schema: the ${mostLines} largest`, unit: 'per second', targets: [`aliasByNode(highestAverage(${prefix}.schema.*.rate,${mostLines}),${depth + 1})`] },
    { title: `Invalid by schema: the ${mostLines} largest`, unit: 'per second', targets: [`aliasByNode(highestAverage(${prefix}.schema.*.invalid.rate,${mostLines}),${depth + 1})`] }
  ]
}

/** What is in every page about a schema. */
export function schemaGraph (prefix: string, schema: string): Graph {
  const { valid, invalid } = seriesOf(prefix, schema)
  return { title: `${schema}: valid and invalid`, unit: 'per second', targets: [alias(valid, 'valid'), alias(invalid, 'invalid')] }
}

/** Of one schema. */
export function schemaGraphs (prefix: string, schema: string): Graph[] {
  const { valid, invalid, inserted } = seriesOf(prefix, schema)
  return [
    schemaGraph(prefix, schema),
    { title: `${schema}: share of invalid events`, unit: 'share', targets: [alias(`asPercent(${invalid},sumSeries(${valid},${invalid}))`, 'invalid, %')] },
    { title: `${schema}: valid and inserted`, unit: 'per second', targets: [alias(valid, 'valid'), alias(inserted, 'inserted')] },
    { title: `${schema}: valid, and a week before`, unit: 'per second', targets: [alias(valid, 'valid'), alias(`timeShift(${valid},"7d")`, 'a week before')] }
  ]
}

/** Valid and invalid events of a schema as a picture, for mails. */
export function graphLink (graphite: string, prefix: string, schema: string): string {
  const fields: Array<[string, string]> = schemaGraph(prefix, schema).targets.map(target => ['target', target])
  return `${graphite}/render?${new URLSearchParams([...fields, ['from', '-24hours'], ['width', '800'], ['height', '400'], ['title', schema]]).toString()}`
}

function seriesOf (prefix: string, schema: string): { valid: string, invalid: string, inserted: string } {
  const name = `${prefix}.schema.${metricName(schema)}`
  return { valid: `${name}.rate`, invalid: `${name}.invalid.rate`, inserted: `${name}.inserted.rate` }
}

function alias (target: string, name: string): string {
  return `alias(${target},"${name}")`
}

function escaped (text: string): string {
  return text.replace(/[^A-Za-z0-9_]/g, '\\$&')
}
