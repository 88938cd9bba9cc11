import { html, type Html } from '../../lib/mail/html.js'
import type { DrillReport } from './report.js'
import { figuresOf, holderRows, namedOf, outcomeText } from './text.js'

const colours = { passed: '#1b5e20', failed: '#b00020', stopped: '#8a6d00' } as const

/** The body of a mail, or of a page. */
export function reportBody (report: DrillReport): Html {
  return html`<h2 style="font-size:18px;color:${colours[report.outcome]}">${outcomeText(report)}</h2>
${report.failures.map(failure => html`<p style="color:#b00020">${failure}</p>`)}
<table cellpadding="5" rules="rows" style="border-collapse:collapse;font-size:14px;border-color:#ddd">
${figuresOf(report).map(([name, value]) => html`<tr valign="top"><th align="left">${name.trim()}</th><td>${value}</td></tr>
`)}</table>
${namedOf(report).map(line => html`<p>${line}</p>`)}
<h3 style="font-size:14px">Who had the lease</h3>
<table cellpadding="5" style="font-size:14px">
${holderRows(report).map(cells => html`<tr>${cells.map(cell => html`<td>${cell}</td>`)}</tr>
`)}</table>
`
}

/** A page of its own. */
export function reportPage (report: DrillReport): string {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>vanadium: drill of ${report.started}</title></head>
<body style="font-family:sans-serif;margin:8px">
${reportBody(report)}</body></html>
`.text
}
