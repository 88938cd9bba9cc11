import { ConfigError, messageOf } from '../errors.js'
import { createCache, detached } from '../event/lru.js'
import { longestUser } from '../event/opt-out-text.js'
import type { ListedUsers } from '../event/opt-out.js'
import type { Log } from '../log.js'
import { readList, versionOf, type OptOutFiles } from './files.js'

/** A list that follows its file. */
export interface LiveList extends ListedUsers {
  /** Reads the file again if it has changed. What cannot be used is logged, and the list stays what it was. */
  look (): void
  close (): void
}

/** How often the file is looked at: an opt-out counts at once. */
const lookMs = 1000

/** Identifiers that are remembered with whether they are listed: a hash takes as long as parsing a line. */
const remembered = 10_000

/** Throws `ConfigError` when the list cannot be used: without it, nobody may be counted. */
export function openLiveList (files: OptOutFiles, log: Log): LiveList {
  const verdicts = createCache<boolean>(remembered)
  // a key that comes late makes a list that was refused good
  const versions = (): string => `${versionOf(files.file)} ${versionOf(files.keyFile)}`
  let version = versions()
  let { list, key } = readList(files)

  function reread (): void {
    const now = versions()
    if (now === version) return
    version = now
    if (list.count > 0 && versionOf(files.file) === null) throw new ConfigError('damaged-state', `${files.file} is gone`)
    const opened = readList(files)
    list = opened.list
    key = opened.key
    verdicts.clear()
    log.info('the list of users who opted out was read again', { users: list.count })
  }

  function look (): void {
    try {
      reread()
    } catch (error) {
      log.error('the list of users who opted out cannot be read; the one that was read before stays in force', { reason: messageOf(error) })
    }
  }
  const timer = setInterval(look, lookMs)
  timer.unref()

  return {
    get isEmpty () { return list.count === 0 },
    has (user) {
      if (key === null || user.length > longestUser) return false
      const known = verdicts.get(user)
      if (known !== undefined) return known
      const verdict = list.has(key.digest(user))
      verdicts.set(detached(user), verdict)
      return verdict
    },
    look,
    close: () => { clearInterval(timer) }
  }
}
