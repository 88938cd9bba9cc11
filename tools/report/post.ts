import type { CommandContext } from '../../lib/cli/command.js'
import { ConfigError, messageOf, StreamError } from '../../lib/errors.js'
import { sendMail, type Mail } from '../../lib/mail/mail.js'
import type { Registry } from '../../lib/registry/registry.js'
import { numberText } from '../text.js'
import { countText } from './change.js'
import { reportBody } from './html.js'
import { reportAbout, type Report } from './report.js'
import { reportText } from './text.js'

/** Under this it is kept who has got a report of which others could not be sent. */
const memory = 'report:sent'

interface Sent { readonly day: string, readonly to: readonly string[] }

/**
 * One mail to all operators and, if asked for, one to each owner, about the owner's schemas alone. What cannot be sent does not hold up
 * the others; called again for the same day, it sends only what was not sent. Throws `StreamError` then, `ConfigError` if there is
 * nobody to send to.
 */
export async function postReport (report: Report, ctx: CommandContext, toOwners: boolean): Promise<void> {
  const { registry, state } = ctx
  if (registry.operators.length === 0) throw new ConfigError('bad-registry', '--mail: the registry names no operators; give it "operators:" with at least one address')
  const mails = [mailOf(report, registry.operators), ...(toOwners ? mailsToOwners(report, registry) : [])]
  const sent = sentBefore(state.position(memory), report.day)
  const failed: string[] = []
  for (const mail of mails) {
    const to = mail.to.join(', ')
    if (sent.includes(to)) continue
    try {
      await sendMail(registry.mail, mail)
      sent.push(to)
      state.note(memory, JSON.stringify({ day: report.day, to: sent } satisfies Sent))
    } catch (error) {
      if (!(error instanceof StreamError)) throw error
      ctx.log.warn('a report could not be sent', { to, reason: messageOf(error) })
      failed.push(to)
    }
  }
  if (failed.length > 0) throw new StreamError('cannot-write', `${numberText(failed.length)} of ${numberText(mails.length)} reports could not be sent; the same command sends only these again`, { to: failed.slice(0, 20).join('; ') })
  // whoever asks for it again gets it again
  state.note(memory, JSON.stringify({ day: '', to: [] } satisfies Sent))
  ctx.log.info('reports were sent', { mails: mails.length })
}

function sentBefore (text: string | null, day: string): string[] {
  const sent = text === null ? null : JSON.parse(text) as Sent
  return sent?.day === day ? [...sent.to] : []
}

/** Owners of whose schemas nothing came, and nothing before, get none. */
function mailsToOwners (report: Report, registry: Registry): Mail[] {
  const owned = new Map<string, Set<string>>()
  for (const schema of registry.names) {
    for (const owner of registry.find(schema).owners) owned.set(owner, (owned.get(owner) ?? new Set()).add(schema))
  }
  return [...owned].sort(([a], [b]) => a.localeCompare(b)).flatMap(([owner, names]) => {
    const digest = reportAbout(report, names)
    return digest.schemas.length === 0 ? [] : [mailOf(digest, [owner])]
  })
}

function mailOf (report: Report, to: readonly string[]): Mail {
  const { day, total, differences } = report
  const missing = (differences ?? []).length === 0 ? '' : ', the books do not balance'
  return {
    to,
    subject: `vanadium ${day}: ${countText(total.valid.count)} valid, ${countText(total.invalid.count)} invalid${missing}`,
    text: reportText(report),
    html: reportBody(report)
  }
}
