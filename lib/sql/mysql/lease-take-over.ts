import { messageOf } from '../../errors.js'
import type { Log } from '../../log.js'
import { numberOf } from '../errors.js'
import { endConnection, takeLease, type Claimant } from './lease-statements.js'
import type { Link } from './session.js'

/** A take-over waits so long for a transaction of the holder before. */
const fenceWaitSeconds = 1
/** So often a take-over is tried at once; then it has its turn again as usual. */
const mostAttempts = 5

/** To be said of a connection before it takes anything over. */
export async function prepareTakeOver (link: Link): Promise<void> {
  await link.execute(`SET SESSION innodb_lock_wait_timeout = ${fenceWaitSeconds}`)
}

/** The token of the lease, from now on; null if somebody was faster, or `holder`, who had it before, has a transaction open that does not end. */
export async function takeOver (link: Link, claimant: Claimant, holder: string, log: Log): Promise<number | null> {
  for (let attempt = 1; attempt <= mostAttempts; attempt++) {
    const token = await takeLease(link, claimant)
    if (token === 'taken') return null
    if (token !== 'blocked') return token
    await unblock(link, claimant, holder, log)
  }
  return null
}

/** That host may be cut off, or stopped. */
async function unblock (link: Link, claimant: Claimant, holder: string, log: Log): Promise<void> {
  const fields = { lease: claimant.name, holder }
  try {
    const connection = await endConnection(link, claimant, holder)
    if (connection !== null) log.warn('an open transaction of the holder before is ended', { ...fields, connection })
    else log.warn('the lease has expired, but a transaction of the holder before is open; waiting for its end', fields)
  } catch (error) {
    if (numberOf(error) === 0) throw error
    log.warn('an open transaction of the holder before cannot be ended; waiting for its end', { ...fields, reason: messageOf(error), advice: 'let all members use the same account' })
  }
}
