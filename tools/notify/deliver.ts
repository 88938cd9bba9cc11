import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf, StreamError } from '../../lib/errors.js'
import { isTemporary, type Mail, type Refused } from '../../lib/mail/mail.js'

const pauseMs = 2500
/** With less the last answer would be that there was none. */
const leastTryMs = 1000
/** Of the time that is left when all is found out. */
const leastMailMs = 5000

interface Delivery {
  /** `sendMail`. */
  send (mail: Mail, timeoutMs: number): Promise<readonly Refused[]>
  readonly endMs: number
  readonly stop: AbortSignal
}

/**
 * Sends a mail to everybody who has not got it, until the time is over, as long as it may still be taken: nobody calls a notification
 * again. Throws `StreamError` that names who has not got it.
 */
export async function deliver (mail: Mail, { send, endMs, stop }: Delivery): Promise<void> {
  const never: Refused[] = []
  for (let { to } = mail, timeoutMs = Math.max(leastMailMs, endMs - Date.now()); ; timeoutMs = endMs - Date.now()) {
    const refused = await attempt({ ...mail, to }, async mail => await send(mail, timeoutMs))
    const later = refused.filter(({ isTemporary }) => isTemporary)
    never.push(...refused.filter(({ isTemporary }) => !isTemporary))
    to = later.map(({ address }) => address)
    if (to.length > 0 && !stop.aborted && endMs - Date.now() > pauseMs + leastTryMs) {
      await sleep(pauseMs, undefined, { signal: stop }).catch(() => {})
      continue
    }
    if (never.length + later.length > 0) throw lack([...never, ...later])
    return
  }
}

/** What keeps everybody from getting it is said of each. */
async function attempt (mail: Mail, send: (mail: Mail) => Promise<readonly Refused[]>): Promise<readonly Refused[]> {
  try {
    return await send(mail)
  } catch (error) {
    if (!(error instanceof StreamError)) throw error
    return mail.to.map(address => ({ address, reason: messageOf(error), isTemporary: isTemporary(error) }))
  }
}

function lack (refused: readonly Refused[]): StreamError {
  const reasons = [...new Set(refused.map(({ reason }) => reason))]
  return new StreamError('cannot-write', `${refused.map(({ address }) => address).join(', ')} did not get the mail: ${reasons.slice(0, 5).join('; ')}`)
}
