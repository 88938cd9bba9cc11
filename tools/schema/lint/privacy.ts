import { isListed, pathOf, typesOf, wordsOf, type Hint, type Level, type Subject } from './subject.js'
import type { DeclaredField } from '../fields.js'

/** What a field's name, or its format, gives away. */
interface Kind {
  readonly rule: string
  readonly level: Level
  /** Of the words of the name, joined by `_`. */
  readonly words: RegExp
  readonly formats: readonly string[]
  readonly types: readonly string[]
  readonly why: string
  readonly change: string
}

/** The first that fits counts. */
const kinds: readonly Kind[] = [
  {
    rule: 'privacy-address',
    level: 'warning',
    words: /(^|_)(ip|ipv4|ipv6|ip_?addr(ess)?|remote_addr(ess)?|xff|forwarded_for)($|_)/,
    formats: ['ip-address', 'ipv4', 'ipv6'],
    types: ['string'],
    why: 'looks like a network address, which tells who somebody is',
    change: 'leave it out: the capsule has a hash of it (clientIp) that can be compared and not undone'
  },
  {
    rule: 'privacy-email',
    level: 'warning',
    words: /(^|_)(e_?mail|mail_?address|email_address)$/,
    formats: ['email'],
    types: ['string'],
    why: 'looks like a mail address',
    change: 'leave it out, or send only whether there is one'
  },
  {
    rule: 'privacy-agent',
    level: 'warning',
    words: /(^|_)(user_agent|useragent|ua)($|_)/,
    formats: [],
    types: ['string', 'object'],
    why: 'looks like a user agent, which with little else tells who somebody is',
    change: 'leave it out: the capsule has it'
  },
  {
    rule: 'privacy-location',
    level: 'warning',
    words: /(^|_)(lat|lon|lng|latitude|longitude|coords?|coordinates?|geo|gps|postal|postcode|zip|street|city)($|_)/,
    formats: [],
    types: ['string', 'number', 'integer', 'array', 'object'],
    why: 'looks like a precise location',
    change: 'send the country, or the region, that the question needs'
  },
  {
    rule: 'privacy-user',
    level: 'hint',
    words: /(^|_)(user_?(id|name|hash|token)|uid|username|account(_id|_name)?|performer(_id|_name)?|actor(_id|_name)?|login|editor_(id|name))($|_)/,
    formats: [],
    types: ['string', 'integer', 'number'],
    why: 'identifies a user',
    change: 'leave it out if a token of the session will do; let it go after the days of retention'
  },
  {
    rule: 'privacy-token',
    level: 'hint',
    words: /(^|_)(token|session(_?id)?|fingerprint|cookie|device_?id|visitor(_?id)?|client_?id|install_?id|app_install)($|_)/,
    formats: [],
    types: ['string'],
    why: 'looks like a token that joins the events of one person',
    change: 'make it last no longer than the question needs, and do not keep it'
  },
  {
    rule: 'privacy-url',
    level: 'warning',
    words: /(^|_)(url|uri|href|referr?er|return_to_query|query_?string|querystring)($|_)/,
    formats: ['uri', 'url'],
    types: ['string'],
    why: 'looks like a URL, in whose query there may be anything: searches, names, tokens',
    change: 'send the part that is needed, as an enum; or cut the query off in the client and say so in the description'
  },
  {
    rule: 'privacy-text',
    level: 'warning',
    words: /(^|_)(text|comments?|message|content|body|feedback|notes?|summary|query|search|search_?terms?|input|answer)$/,
    formats: [],
    types: ['string', 'object'],
    why: 'looks like free text, in which people write whatever they like, of others too',
    change: 'send its length, or a choice (enum); if it must be, give maxLength, and do not keep it'
  }
]

/** Fields that can tell who somebody is, or what they read and wrote. */
export function personalFields (fields: readonly DeclaredField[]): Array<{ readonly field: DeclaredField, readonly kind: Kind }> {
  return fields.flatMap(field => {
    const kind = isListed(field) ? undefined : kinds.find(kind => isOf(kind, field))
    return kind === undefined ? [] : [{ field, kind }]
  })
}

function isOf ({ rule, words, formats, types }: Kind, field: DeclaredField): boolean {
  const own = typesOf(field)
  // its texts are fields of their own
  if (rule === 'privacy-text' && field.isGroup) return false
  if (own.length > 0 && !own.some(type => types.includes(String(type)))) return false
  return formats.includes(String(field.schema['format'])) || words.test(wordsOf(field.path.at(-1) ?? ''))
}

/** No registry can keep them: vanadium refuses one that would. */
const neverKept: ReadonlySet<string> = new Set(['privacy-address', 'privacy-agent'])

export function privacyHints (subject: Subject): Hint[] {
  const { schema, entry: { user, retention: { keep, anonymise } } } = subject
  const personal = personalFields(subject.fields)
  const hints = personal.map(({ field, kind: { rule, level, why, change } }): Hint => ({ level, rule, pointer: field.pointer, why, change }))
  const kept = personal.filter(({ field }) => keep.some(name => isBelow(pathOf(field, schema), name)) && ![...anonymise.keys()].some(name => isBelow(pathOf(field, schema), name)))
  for (const { field, kind } of kept) {
    hints.push({
      level: neverKept.has(kind.rule) ? 'error' : 'warning',
      rule: 'privacy-kept',
      pointer: field.pointer,
      why: `${kind.why}, and the registry keeps it for ever (retention, keep: ${pathOf(field, schema)})`,
      change: neverKept.has(kind.rule) ? 'take it out of keep' : 'take it out of keep, or let it be anonymised'
    })
  }
  const [identifying] = personal.filter(({ kind }) => kind.rule === 'privacy-user')
  if (identifying !== undefined && user === null) {
    hints.push({
      level: 'warning',
      rule: 'privacy-opt-out',
      pointer: identifying.field.pointer,
      why: 'identifies a user, and the registry does not say so: events of people who opted out are stored',
      change: `write "user: ${pathOf(identifying.field, schema)}" into the registry's entry of ${schema.name}`
    })
  }
  return hints
}

/** A name stands for all that is below it. */
function isBelow (path: string, field: string): boolean {
  return path === field || path.startsWith(`${field}.`)
}
