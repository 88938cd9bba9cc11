import { html, type Html } from '../../lib/mail/html.js'
import type { Mail } from '../../lib/mail/mail.js'
import { cut } from '../check/result.js'
import { durationText, tableText } from '../text.js'
import type { Alert } from './alert.js'
import { inWords, notable, perSecond, type Change, type Changes } from './changes.js'
import type { Service } from './services.js'

/** What was found out about an alert. */
export interface Findings {
  /** Null if schemas do not explain this alert, or what Graphite did instead. */
  readonly changes: Changes | string | null
  /** Schemas that are to blame, as metrics call them. */
  readonly schemas: readonly string[]
  readonly readers: readonly string[]
  readonly readersProblem: string | null
  /** Null where there is nothing to show; or why there is no picture. */
  readonly picture: Buffer | string | null
  readonly graphLink: string | null
  readonly runbook: string
  /** Why what is known of owners and operators may not be all. */
  readonly registryProblem: string | null
  readonly nowMs: number
}

type Composed = Pick<Mail, 'subject' | 'text' | 'html' | 'pictures'>

const mostChanges = 5
const mostSubject = 150

export function compose (alert: Alert, service: Service, findings: Findings): Composed {
  const sections = sectionsOf(alert, service, findings)
  const { picture, graphLink, runbook } = findings
  const headline = headlineOf(alert, findings.nowMs)
  // the link is long: at the end it is in nobody's way
  const links = [...(typeof picture === 'string' ? [`No graph: ${picture}`] : []), `Runbook: ${runbook}`, ...(graphLink === null ? [] : [`Graph: ${graphLink}`])]
  return {
    subject: subjectOf(alert, findings),
    text: [headline, ...sections.map(textOf), links.join('\n')].join('\n\n') + '\n',
    html: html`<h2 style="color:${colors[alert.state] ?? '#444'};font-size:1.2em">${headline}</h2>${sections.map(htmlOf)}${graphHtml(alert, findings)}<p>Runbook: ${link(runbook)}</p>`,
    ...(picture === null || typeof picture === 'string' ? {} : { pictures: [{ name: 'graph', png: picture }] })
  }
}

const colors: Readonly<Record<string, string>> = { CRITICAL: '#c00', DOWN: '#c00', WARNING: '#a60', UNKNOWN: '#83a', OK: '#283', UP: '#283' }

/** What one can act on from a phone: what, where, why. */
function subjectOf (alert: Alert, { changes, schemas }: Findings): string {
  const { type, state, service, host, summary, author } = alert
  const where = service === 'host' ? host : `${service} on ${host}`
  const what = culpritOf(changes, schemas) ?? summary
  const text = {
    PROBLEM: `${state} ${where}: ${what}`,
    RECOVERY: `${state} ${where}: over${lastedText(alert, ' after ')}`,
    ACKNOWLEDGEMENT: `${state} ${where}: acknowledged${by(author)}`,
    CUSTOM: `${state} ${where}: a word${by(author)}`,
    FLAPPINGSTART: `${state} ${where}: goes to and fro`,
    FLAPPINGEND: `${state} ${where}: goes to and fro no more`,
    DOWNTIMESTART: `${state} ${where}: downtime begins`,
    DOWNTIMEEND: `${state} ${where}: downtime is over`,
    DOWNTIMEREMOVED: `${state} ${where}: downtime was called off`
  }[type]
  return cut(`[vanadium] ${text}`, mostSubject)
}

/** `NavigationTiming 12 times last week's` */
function culpritOf (changes: Findings['changes'], [schema]: readonly string[]): string | null {
  if (changes === null || typeof changes === 'string' || !changes.hasWeek) return null
  const found = changes.list.find(change => change.schema === schema)
  return found === undefined ? null : `${found.schema}${changes.kind === 'valid' ? '' : ` ${changes.kind}`} ${inWords(found)}`
}

function by (author: string): string {
  return author === '' ? '' : ` by ${author}`
}

function headlineOf ({ service, host, state, sinceMs, type, ...alert }: Alert, nowMs: number): string {
  const since = sinceMs === null ? '' : `, since ${clock(sinceMs, nowMs)}`
  const lasted = type === 'RECOVERY' ? lastedText({ ...alert, service, host, state, sinceMs, type }, ' after ') : sinceMs === null ? '' : ` (${durationText(nowMs - sinceMs)})`
  return `${state}: ${service === 'host' ? host : `${service} on ${host}`}${since}${lasted}`
}

function lastedText ({ sinceMs, beforeMs }: Alert, word: string): string {
  return sinceMs === null || beforeMs === null || beforeMs >= sinceMs ? '' : `${word}${durationText(sinceMs - beforeMs)}`
}

/** Of another day with its date. */
function clock (ms: number, nowMs: number): string {
  const [day = '', time = ''] = new Date(ms).toISOString().split('T')
  return `${new Date(nowMs).toISOString().startsWith(day) ? '' : `${day} `}${time.slice(0, 5)} UTC`
}

interface Section {
  readonly title: string
  readonly lines?: readonly string[]
  readonly rows?: ReadonlyArray<readonly string[]>
  /** Lines are steps. */
  readonly isList?: boolean
}

function sectionsOf (alert: Alert, service: Service, findings: Findings): Section[] {
  const { type, summary, details, author, comment } = alert
  const said = [...(summary === '' ? [] : [summary]), ...details]
  const word = comment === '' && author === '' ? [] : [{ title: `${author === '' ? 'Somebody' : author} says`, lines: [comment === '' ? 'nothing' : comment] }]
  if (type !== 'PROBLEM' && type !== 'CUSTOM') return [{ title: '', lines: said }, ...word]
  return [
    { title: '', lines: [...said, ...(service.means === '' ? [] : [`What it means: ${service.means}.`])] },
    ...word,
    ...changesSection(findings),
    ...readersSection(service, findings),
    { title: 'What to do', lines: service.next, isList: true },
    ...(findings.registryProblem === null ? [] : [{ title: 'The registry has a mistake: owners may not have been told', lines: [findings.registryProblem] }])
  ]
}

function changesSection ({ changes }: Findings): Section[] {
  if (changes === null) return []
  const title = 'Schemas against the same time last week'
  if (typeof changes === 'string') return [{ title, lines: [`cannot be told: ${changes}`] }]
  const what = changes.kind === 'valid' ? 'Schemas' : changes.kind === 'invalid' ? 'Invalid events by schema,' : 'Rows by schema,'
  if (!changes.hasWeek) return [{ title: `${what} now (Graphite has nothing of last week)`, rows: [...changes.list].slice(0, mostChanges).map(({ schema, now }) => [schema, perSecond(now)]) }]
  const rows = notable(changes, mostChanges).map(change => [change.schema, perSecond(change.now), comparison(change)])
  return [{ title: `${what} against the same time last week`, ...(rows.length > 0 ? { rows } : { lines: ['none has changed by more than a fifth'] }) }]
}

function comparison (change: Change): string {
  const words = inWords(change)
  return change.before === null || change.before < 0.001 || change.now < 0.001 ? words : `${words} (${perSecond(change.before)})`
}

function readersSection ({ isAboutReaders }: Service, { readers, readersProblem }: Findings): Section[] {
  const problem = readersProblem === null || isAboutReaders !== true ? [] : [`cannot be told for all: ${readersProblem}`]
  if (readers.length > 0 || problem.length > 0) return [{ title: 'Who is behind', lines: [...readers, ...problem] }]
  return isAboutReaders === true ? [{ title: 'Who is behind', lines: ['nobody: every reader of this host keeps up'] }] : []
}

function textOf ({ title, lines = [], rows, isList = false }: Section): string {
  const [first = [], ...others] = rows ?? []
  const table = rows === undefined ? [] : tableText(first, others, []).trimEnd().split('\n')
  const body = [...lines.map((line, at) => isList ? `${at + 1}. ${line}` : line), ...table]
  return title === '' ? body.join('\n') : [`${title}:`, ...body.map(line => `  ${line}`)].join('\n')
}

function htmlOf ({ title, lines = [], rows = [], isList = false }: Section): Html {
  const body = isList
    ? html`<ol>${lines.map(line => html`<li>${line}</li>`)}</ol>`
    : html`${lines.map((line, at) => title === '' && at === 0 ? html`<p><b>${line}</b></p>` : html`<p style="margin:.3em 0">${line}</p>`)}`
  const table = rows.length === 0
    ? html``
    : html`<table style="border-collapse:collapse">${rows.map(row => html`<tr>${row.map((cell, at) => html`<td style="padding:.15em 1em .15em 0${at === 1 ? ';text-align:right' : ''}">${cell}</td>`)}</tr>`)}</table>`
  return html`${title === '' ? '' : html`<h3 style="font-size:1em;margin:1em 0 .3em">${title}</h3>`}${body}${table}`
}

function graphHtml ({ service, host }: Alert, { picture, graphLink }: Findings): Html {
  if (picture === null) return html``
  if (typeof picture === 'string') return html`<p>No graph: ${picture}</p>`
  const image = html`<img src="cid:graph" width="700" style="max-width:100%;height:auto" alt="${service} on ${host}, the last six hours">`
  return html`<p>${graphLink === null ? image : html`<a href="${graphLink}">${image}</a>`}</p>`
}

function link (url: string): Html {
  return html`<a href="${url}">${url}</a>`
}
