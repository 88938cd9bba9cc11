import type { CommandContext } from '../../lib/cli/command.js'
import { ConfigError, messageOf, StreamError } from '../../lib/errors.js'
import { html } from '../../lib/mail/html.js'
import { sendMail, type Mail } from '../../lib/mail/mail.js'
import type { Registry } from '../../lib/registry/registry.js'
import { reportBody } from './html.js'
import type { DrillReport } from './report.js'
import { outcomeText, reportText } from './text.js'

/** Throws `ConfigError` if there is nobody to be told. */
export function requireOperators ({ operators }: Registry): void {
  if (operators.length === 0) throw new ConfigError('bad-registry', 'the registry names no operators who could be told of the drill; give it "operators:" with at least one address, or --no-mail')
}

/** Before anything is done. Throws `StreamError` if not one of the operators can be told: then nobody should be surprised. */
export async function announce (plan: string, host: string, { registry, log }: CommandContext): Promise<void> {
  const refused = await sendMail(registry.mail, mailOf(registry, `fail-over drill begins on ${host}`, plan, html`<pre>${plan}</pre>`))
  for (const { address, reason } of refused) log.warn('an operator could not be told of the drill', { to: address, reason })
}

/** After all is done: whoever is not told finds the report. */
export async function announceOutcome (report: DrillReport, { registry, log }: CommandContext): Promise<void> {
  try {
    const refused = await sendMail(registry.mail, mailOf(registry, `${outcomeText(report)} (${report.host})`, reportText(report), reportBody(report)))
    for (const { address, reason } of refused) log.warn('an operator could not be told of the drill', { to: address, reason })
  } catch (error) {
    if (!(error instanceof StreamError)) throw error
    log.warn('nobody could be told how the drill ended', { reason: messageOf(error) })
  }
}

function mailOf ({ operators }: Registry, subject: string, text: string, body: Mail['html']): Mail {
  return { to: operators, subject: `vanadium: ${subject}`, text, html: body }
}
