import { readFileSync } from 'node:fs'
import { isbot } from 'isbot'
import { parse as parseYaml } from 'yaml'
import { RecordError } from '../errors.js'
import { createCache, detached } from './lru.js'

/**
 * What `%u` makes of a user agent. Families are `Other` if unknown. Versions are text (`10`, `XP`, `15E148`), null if unknown.
 */
export interface UserAgent {
  readonly browser_family: string
  readonly browser_major: string | null
  readonly browser_minor: string | null
  readonly os_family: string
  readonly os_major: string | null
  readonly os_minor: string | null
  readonly device_family: string
  /** The version of the Wikipedia app; `-` for everybody else. */
  readonly wmf_app_version: string
  /** A program rather than a person, as far as it says so. */
  readonly is_bot: boolean
  /** A MediaWiki server. */
  readonly is_mediawiki: boolean
}

export interface UserAgentParser {
  /** The result is frozen: equal user agents share it. Throws `RecordError` beyond 800 characters. */
  parse (userAgent: string): UserAgent
}

export interface UserAgentParserOptions {
  /** User agents remembered, at about 1 KB each. */
  readonly cacheSize?: number
}

/** Longest user agent, in UTF-16 code units. What uap-core's patterns cost grows faster than the text. */
const maxLength = 800

/** Parses user agents with the patterns of uap-core, which are read when the first one comes (about 0.3 s). */
export function createUserAgentParser ({ cacheSize = 10_000 }: UserAgentParserOptions = {}): UserAgentParser {
  const cache = createCache<UserAgent>(cacheSize)
  let identify: ((userAgent: string) => UserAgent) | undefined

  return {
    parse (userAgent) {
      const known = cache.get(userAgent)
      if (known !== undefined) return known
      if (userAgent.length > maxLength) {
        throw new RecordError('too-long', `the user agent has ${userAgent.length} characters; at most ${maxLength} are allowed`)
      }
      const own = detached(userAgent)
      identify ??= loadPatterns()
      const value = identify(own)
      cache.set(own, value)
      return value
    }
  }
}

function loadPatterns (): (userAgent: string) => UserAgent {
  const file = new URL(import.meta.resolve('uap-core/regexes.yaml'))
  const patterns = parseYaml(readFileSync(file, 'utf8')) as UapPatterns
  const findBrowser = finder(patterns.user_agent_parsers, ['family_replacement', 'v1_replacement', 'v2_replacement'])
  const findOs = finder(patterns.os_parsers, ['os_replacement', 'os_v1_replacement', 'os_v2_replacement'])
  const findDevice = finder(patterns.device_parsers, ['device_replacement'])

  return userAgent => {
    const [browser, browserMajor, browserMinor] = findBrowser(userAgent)
    const [os, osMajor, osMinor] = findOs(userAgent)
    const device = findDevice(userAgent)[0] ?? 'Other'
    const appVersion = /\bWikipediaApp\/(\S+)/.exec(userAgent)?.[1]
    return Object.freeze({
      browser_family: browser ?? 'Other',
      browser_major: browserMajor ?? null,
      browser_minor: browserMinor ?? null,
      os_family: os ?? 'Other',
      os_major: osMajor ?? null,
      os_minor: osMinor ?? null,
      device_family: device,
      wmf_app_version: appVersion ?? '-',
      is_bot: appVersion === undefined && (device === 'Spider' || looksLikeBot(userAgent)),
      // also when an extension puts itself first: `QuickInstantCommons/1.5 MediaWiki/1.43.0`
      is_mediawiki: /\bMediaWiki\//.test(userAgent)
    })
  }
}

/** Access logs write `-` for a user agent that was not sent; isbot would take it for the name of a program. */
function looksLikeBot (userAgent: string): boolean {
  return userAgent !== '-' && isbot(userAgent)
}

/** The part of uap-core's `regexes.yaml` that is used here. Its rules: `docs/specification.md` of that package. */
interface UapPatterns {
  readonly user_agent_parsers: UapPattern[]
  readonly os_parsers: UapPattern[]
  readonly device_parsers: UapPattern[]
}

/** `regex`, perhaps `regex_flag: i`, and templates (`Windows $1`) for what the groups of the match do not give as they are. */
type UapPattern = { readonly regex: string, readonly regex_flag?: string } & Readonly<Record<string, string | undefined>>

interface Rule {
  readonly pattern: RegExp
  /** In the order of the fields; undefined where the group of the same number is the value. */
  readonly templates: ReadonlyArray<string | undefined>
}

/** Consecutive rules, and a pattern that matches wherever one of theirs does. */
interface RuleGroup {
  readonly any: RegExp
  readonly rules: readonly Rule[]
}

/** Rules in a group. More make the common pattern slower than what it saves. */
const groupSize = 32

/**
 * The fields that the first matching pattern gives; none if there is no match. A user agent that a whole group does not match
 * costs one pattern instead of 32, which makes the parser 4 to 20 times faster.
 */
function finder (patterns: readonly UapPattern[], templates: readonly string[]): (userAgent: string) => Array<string | null> {
  const groups = groupsOf(patterns, templates)
  return userAgent => {
    for (const { any, rules } of groups) {
      if (!any.test(userAgent)) continue
      for (const rule of rules) {
        const match = rule.pattern.exec(userAgent)
        if (match !== null) return rule.templates.map((template, i) => fill(template ?? `$${i + 1}`, match))
      }
    }
    return []
  }
}

function groupsOf (patterns: readonly UapPattern[], templates: readonly string[]): RuleGroup[] {
  const groups: RuleGroup[] = []
  for (let start = 0; start < patterns.length;) {
    const flag = patterns[start]?.regex_flag
    let end = start + 1
    while (end - start < groupSize && end < patterns.length && patterns[end]?.regex_flag === flag) end++
    const members = patterns.slice(start, end)
    groups.push({
      any: new RegExp(members.map(({ regex }) => `(?:${regex})`).join('|'), flag),
      rules: members.map(member => ({ pattern: new RegExp(member.regex, flag), templates: templates.map(name => member[name]) }))
    })
    start = end
  }
  return groups
}

function fill (template: string, match: RegExpExecArray): string | null {
  const value = template.replace(/\$(\d)/g, (_placeholder, group: string) => match[Number(group)] ?? '').trim()
  return value === '' ? null : value
}
