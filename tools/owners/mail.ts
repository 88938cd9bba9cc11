import type { Failure } from '../../lib/counts/read.js'
import { html, type Html } from '../../lib/mail/html.js'
import type { Mail } from '../../lib/mail/mail.js'
import type { Limits } from '../../lib/registry/entry.js'
import { shareText } from '../report/change.js'
import { durationText, numberText, tableText } from '../text.js'
import type { News } from './episodes.js'

/** What a mail says of one schema. */
export interface Item {
  readonly news: News
  readonly limits: Limits | undefined
  /** Most frequent first; none of what is over. */
  readonly failures: readonly Failure[]
  /** A graph of it in Graphite. */
  readonly link: string
}

/** Told at length; the rest in a line each, up to a bound. */
const mostDetailed = 10
const mostLines = 50
const mostFailures = 5
const mostCharacters = 100

/** A mail to an owner about all that there is to tell. The worst comes first. */
export function ownerMail (to: string, items: readonly Item[], documentation: string): Mail {
  const sorted = [...items].sort((a, b) => gravity(a.news) - gravity(b.news) || b.news.invalid - a.news.invalid)
  const [detailed, others] = [sorted.slice(0, mostDetailed), sorted.slice(mostDetailed)]
  const lines = shortened(others.map(({ news }) => headline(news)))
  const help = `${documentation}/schema-owners.md`
  return {
    to: [to],
    subject: subjectOf(sorted.map(({ news }) => news)),
    text: [...detailed.map(itemText), ...lines, `What this is, and what to do: ${help}`].join('\n\n') + '\n',
    html: html`${detailed.map(itemHtml)}${lines.map(line => html`<p>${line}</p>`)}<p><a href="${help}">What this is, and what to do</a></p>`
  }
}

/** To the operators, of schemas that nobody owns: a line each. */
export function operatorMail (to: readonly string[], news: readonly News[], documentation: string): Mail {
  const lines = shortened([...news].sort((a, b) => gravity(a) - gravity(b) || b.invalid - a.invalid).map(headline))
  const help = `${documentation}/schema-owners.md`
  return {
    to,
    subject: `${subjectOf(news)} (nobody owns ${news.length === 1 ? 'it' : 'them'})`,
    text: `Of schemas that have no owners in the registry:\n\n${lines.join('\n')}\n\nTo give them owners: ${help}\n`,
    html: html`<p>Of schemas that have no owners in the registry:</p><ul>${lines.map(line => html`<li>${line}</li>`)}</ul><p><a href="${help}">To give them owners</a></p>`
  }
}

function shortened (lines: readonly string[]): string[] {
  return lines.length > mostLines ? [...lines.slice(0, mostLines), `and ${lines.length - mostLines} more`] : [...lines]
}

function gravity ({ kind, level }: News): number {
  if (kind === 'over') return 2
  return level === 'critical' ? 0 : 1
}

function subjectOf (news: readonly News[]): string {
  const failing = news.filter(({ kind }) => kind !== 'over')
  const [first] = failing.length > 0 ? failing : news
  if (first === undefined) return ''
  if (failing.length === 0) return news.length === 1 ? `OK: events of ${first.schema} validate again` : `OK: events of ${news.length} schemas validate again`
  const state = failing.some(({ level }) => level === 'critical') ? 'CRITICAL' : 'WARNING'
  const what = failing.length === 1 ? `${shareText(first.invalid, first.events)} of ${first.schema} is invalid` : `events of ${failing.length} schemas are invalid`
  return `${state}: ${what}`
}

/** In a sentence. */
function headline (news: News): string {
  const { schema, kind, sinceMs, atMs, invalid, events, windowMs } = news
  if (kind === 'over') return `${schema}: events validate again since ${timeText(atMs)}. Too many were invalid from ${timeText(sinceMs)} on, for ${durationText(atMs - sinceMs)}: ${numberText(invalid)} of ${numberText(events)}.`
  const still = { began: '', worse: ' Worse than before.', lasts: ' Still.' }[kind]
  return `${schema}: ${shareText(invalid, events)} of ${schema === 'unknown' ? 'all events name no schema that is known' : 'events do not validate'}: ${numberText(invalid)} of ${numberText(events)} in the last ${durationText(windowMs)}, since ${timeText(sinceMs)}.${still}`
}

function timeText (ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

const columns = ['count', 'field', 'expected', 'seen'] as const

function itemText ({ news, limits, failures, link }: Item): string {
  const sample = failures.find(({ sample }) => sample !== '')
  return [
    `${headline(news)}${news.kind === 'over' ? '' : limitsText(limits)}`,
    ...(failures.length === 0 ? [] : ['', indented(tableText(columns, failures.slice(0, mostFailures).map(cellsOf), ['count']))]),
    ...(sample === undefined ? [] : ['', '  One of them, without personal fields:', `  ${sample.sample}`]),
    '', `  Graph: ${link}`
  ].join('\n')
}

function itemHtml ({ news, limits, failures, link }: Item): Html {
  const sample = failures.find(({ sample }) => sample !== '')
  const cell = 'padding:4px 8px;border-bottom:1px solid #ddd;text-align:left;vertical-align:top;word-break:break-word'
  return html`<h3 style="color:${news.kind === 'over' ? '#1b5e20' : '#b00020'};font-size:16px">${news.schema}</h3>
<p>${headline(news)}${news.kind === 'over' ? '' : limitsText(limits)}</p>
${failures.length === 0
? html``
: html`<table style="border-collapse:collapse;font-size:14px">
<tr>${columns.map(title => html`<th style="${cell}">${title}</th>`)}</tr>
${failures.slice(0, mostFailures).map(failure => html`<tr>${cellsOf(failure).map(text => html`<td style="${cell}">${text}</td>`)}</tr>
`)}</table>`}
${sample === undefined ? html`` : html`<p>One of them, without personal fields:</p><pre style="white-space:pre-wrap;word-break:break-all;background:#f5f5f5;padding:8px">${sample.sample}</pre>`}
<p><a href="${link}">Graph</a></p>
`
}

function limitsText (limits: Limits | undefined): string {
  return limits === undefined ? '' : ` (Warning from ${shareText(limits.warning, 1)} on, critical from ${shareText(limits.critical, 1)} on.)`
}

function cellsOf ({ count, code, pointer, expected, seen }: Failure): string[] {
  const field = pointer !== '' ? pointer : code === 'processor' ? 'the whole line' : code === 'other' ? 'various' : 'the whole event'
  return [numberText(count), field, expected, seen].map(text => text.length > mostCharacters ? `${text.slice(0, mostCharacters - 1)}…` : text)
}

function indented (text: string): string {
  return text.trimEnd().split('\n').map(line => `  ${line}`).join('\n')
}
