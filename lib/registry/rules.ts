import type { Limits, Thresholds } from './entry.js'
import { findingsOfPasswordFiles } from './passwords.js'
import { isAddress } from './personal.js'
import { placeOf, shown, type Path } from './problem.js'
import type { EntryInFile, RegistryInFile, RetentionInFile } from './registry-schema.js'
import type { Finding } from './shape.js'

/** For which events are kept whole: what the original promised. */
export const defaultDays = 90

/** What of a registry's top is wrong although its shape is right. */
export function findingsAtTop (file: RegistryInFile): Finding[] {
  return [...badUrls(file), ...findingsOfPasswordFiles(file), ...badLimits([], file.thresholds)]
}

/** The same of a schema's entry; `days` are those of all schemas. */
export function findingsOfEntry (path: Path, { thresholds, retention = {}, user }: EntryInFile, days: number): Finding[] {
  return [...badLimits(path, thresholds), ...badRetention([...path, 'retention'], retention, days), ...userInDaily([...path, 'retention', 'aggregate'], retention, user)]
}

/** An end date that has passed. It is no mistake at the start of a daemon, which must not fail for it from one day to the next. */
export function findingsOfExpiry (path: Path, { retention }: EntryInFile, today: string): Finding[] {
  const { until } = retention ?? {}
  if (until === undefined || !isDate(until) || until >= today) return []
  const at = [...path, 'retention', 'until']
  return [{ at, text: `${placeOf(at)}: ${shown(until)} has passed, so the days of all schemas hold; give a date from ${today} on, or take out reason and until with what they are for` }]
}

function badRetention (path: Path, retention: RetentionInFile, days: number): Finding[] {
  const { days: own = 0, reason, until } = retention
  const found: Finding[] = []
  const report = (name: string, text: string): void => { found.push({ at: [...path, name], text: `${placeOf([...path, name])}: ${text}` }) }
  if ((reason === undefined) !== (until === undefined)) {
    const [there, missing] = reason === undefined ? ['until', 'reason'] : ['reason', 'until']
    report(there, `it is alone; give ${missing}, too, or neither`)
  } else if (own > days && reason === undefined) {
    report('days', `${own} is more than the ${days} of all schemas; give at most ${days}, or a reason: and an end date, until:`)
  }
  if (until !== undefined && !isDate(until)) report('until', `${shown(until)} is no day of the calendar; give a date, as 2030-12-31`)
  return [...found, ...addressesIn(path, retention), ...keptTwice(path, retention)]
}

/** `2030-02-30` is none. */
function isDate (text: string): boolean {
  const time = Date.parse(`${text}T00:00:00Z`)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text)
}

const never = 'is an address or a user agent by its name, which nothing of an event may be kept of for longer than its days; take it out'

function addressesIn (path: Path, { keep = [], anonymise = {}, aggregate: { by = [], of = [] } = {} }: RetentionInFile): Finding[] {
  const listed: Array<[Path, string]> = [
    ...keep.map((field, at): [Path, string] => [['keep', String(at)], field]),
    ...Object.keys(anonymise).map((field): [Path, string] => [['anonymise', field], field]),
    ...by.map((field, at): [Path, string] => [['aggregate', 'by', String(at)], field]),
    ...of.map((field, at): [Path, string] => [['aggregate', 'of', String(at)], field])
  ]
  return listed.filter(([, field]) => isAddress(field)).map(([below, field]) => ({ at: [...path, ...below], text: `${placeOf([...path, ...below])}: ${shown(field)} ${never}` }))
}

function keptTwice (path: Path, { keep = [], anonymise = {} }: RetentionInFile): Finding[] {
  return Object.keys(anonymise).filter(field => keep.includes(field)).map(field => {
    const at = [...path, 'anonymise', field]
    return { at, text: `${placeOf(at)}: ${shown(field)} is in keep, too; leave it in one of them` }
  })
}

/** Rows of `<Schema>_daily` are nobody's: `vanadium optout erase` does not look there. */
function userInDaily (path: Path, { aggregate = {} }: RetentionInFile, user: string | undefined): Finding[] {
  if (user === undefined) return []
  const isUser = (field: string): boolean => `${field}.`.startsWith(`${user}.`) || user.startsWith(`${field}.`)
  return (['by', 'of'] as const).flatMap(name => (aggregate[name] ?? []).flatMap((field, at) => {
    const place = [...path, name, String(at)]
    return isUser(field) ? [{ at: place, text: `${placeOf(place)}: ${shown(field)} says whose the events are (user), and what is counted by day must not; take it out` }] : []
  }))
}

/** An alarm that comes before its warning is a slip of the pen. */
function badLimits (path: Path, thresholds: Thresholds = {}): Finding[] {
  return (Object.entries(thresholds) as Array<[string, Limits]>).flatMap(([name, { warning, critical }]) => {
    if (name === 'under' ? critical <= warning : critical >= warning) return []
    const at = [...path, 'thresholds', name]
    return [{ at: [...at, 'critical'], text: `${placeOf(at)}: critical ${critical} comes before warning ${warning}; give ${name === 'under' ? 'at most' : 'at least'} ${warning}` }]
  })
}

/** What the patterns let through, and is none all the same: a password with a `/` or `%` in it, most often. */
function badUrls ({ graphite, mail, documentation, 'graphite-link': link }: RegistryInFile): Finding[] {
  const urls = { graphite, 'graphite-link': link, documentation, 'mail/via': mail?.via?.startsWith('/') === true ? undefined : mail?.via }
  return Object.entries(urls).filter(([, url]) => url !== undefined && !isUrl(url)).map(([place]) => ({
    at: place.split('/'),
    text: `${place}: what is given is no URL; in a name or password write / ? # @ % as %2F %3F %23 %40 %25`
  }))
}

function isUrl (text: string): boolean {
  try {
    const { username, password } = new URL(text)
    decodeURIComponent(username + password)
    return !text.replace(/^[a-z]+:\/\//, '').replace(/@/, '').split('/')[0]?.includes('@')
  } catch {
    return false
  }
}
