import { html, type Html } from '../../lib/mail/html.js'
import { changeText, countText, invalidShareText } from './change.js'
import { mostDifferences, remarksOf, shownLines } from './limits.js'
import type { Report, SchemaLine, Trend } from './report.js'
import { differenceText, storeTitles } from './text.js'

// mail programs know no style sheets: what must be said is on the elements, briefly, as some show no more than 100 KB. Changes are below
// their figures, so that a phone has room for all
const small = 'color:#666;font-size:12px'

/** The body of a mail, or of a page. */
export function reportBody (report: Report): Html {
  const { day, notes, raw, stores, total, differences } = report
  return html`<h2 style="font-size:18px">Events of ${day} (UTC)</h2>
${notes.map(note => html`<p style="background:#fff3cd;padding:6px 8px">${note}</p>`)}
${raw === null ? html`` : html`<p>Raw lines: <b>${countText(raw.count)}</b> <span style="${small}">day before ${changeText(raw.count, raw.dayBefore)}, week before ${changeText(raw.count, raw.weekBefore)}</span></p>`}
<table cellpadding="5" rules="rows" style="border-collapse:collapse;font-size:14px;border-color:#ddd">
<tr valign="top"><th align="left">schema</th>${['valid', 'invalid', ...storeTitles(stores)].map(title => html`<th align="right">${title}</th>`)}</tr>
${rowOf({ schema: 'all', ...total }, html`<b>all</b>`)}${shownLines(report).map(line => rowOf(line, html`${line.schema}`))}</table>
<p style="${small}">Below each figure: change against the day before | the same day of the week before.</p>
${remarksOf(report).map(({ title, text }) => html`<p><b>${title.replace(/^./, first => first.toUpperCase())}:</b> ${text}</p>`)}
${ledgerOf(differences)}
`
}

/** A page of its own. */
export function reportPage (report: Report): string {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>vanadium: ${report.day}</title></head>
<body style="font-family:sans-serif;margin:8px">
${reportBody(report)}</body></html>
`.text
}

function rowOf ({ valid, invalid, inserted }: SchemaLine, name: Html): Html {
  const share = invalid.count === null || invalid.count === 0 ? '' : ` (${invalidShareText(valid, invalid)})`
  return html`<tr valign="top"><td style="min-width:7em;word-break:break-word">${name}</td>${figureOf(valid)}${figureOf(invalid, share)}${inserted.map(trend => figureOf(trend))}</tr>
`
}

function figureOf ({ count, dayBefore, weekBefore }: Trend, more = ''): Html {
  return html`<td align="right" nowrap>${countText(count)}${more}<br><span style="${small}">${changeText(count, dayBefore)} | ${changeText(count, weekBefore)}</span></td>`
}

function ledgerOf (differences: Report['differences']): Html {
  if (differences === null) return html`<p><b>Ledger:</b> not known, there are no books of that day</p>`
  if (differences.length === 0) return html`<p><b>Ledger:</b> the books balance</p>`
  const rest = differences.length - mostDifferences
  return html`<p style="color:#b00020"><b>Ledger: the books do not balance</b></p>
<ul style="padding-left:20px">${differences.slice(0, mostDifferences).map(difference => html`<li>${differenceText(difference)}</li>`)}</ul>
${rest > 0 ? html`<p>And ${rest} more; <code>vanadium ledger</code> names all.</p>` : html``}`
}
