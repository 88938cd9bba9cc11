import { readFileSync } from 'node:fs'
import t from 'tap'
import { parse as parseYaml } from 'yaml'
import { RecordError } from '../../lib/errors.js'
import { createUserAgentParser, type UserAgent } from '../../lib/event/user-agent.js'
import { batchText, heapUsed } from '../helpers/heap.js'
import { idleTimeOf } from '../helpers/speed.js'

const unknown: UserAgent = {
  browser_family: 'Other',
  browser_major: null,
  browser_minor: null,
  os_family: 'Other',
  os_major: null,
  os_minor: null,
  device_family: 'Other',
  wmf_app_version: '-',
  is_bot: false,
  is_mediawiki: false
}

/** Browser, system (each with major and minor version), device. */
function seen (browser: string, os: string, device: string, rest: Partial<UserAgent> = {}): UserAgent {
  const [, browserFamily, browserMajor, browserMinor] = named.exec(browser) ?? []
  const [, osFamily, osMajor, osMinor] = named.exec(os) ?? []
  return {
    ...unknown,
    browser_family: browserFamily ?? '',
    browser_major: browserMajor ?? null,
    browser_minor: browserMinor ?? null,
    os_family: osFamily ?? '',
    os_major: osMajor ?? null,
    os_minor: osMinor ?? null,
    device_family: device,
    ...rest
  }
}

const named = /^(.+?)(?: ([\dX][\dP]*)(?:\.(\d+))?)?$/

const wellKnown: Array<[string, UserAgent]> = [
  ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36',
    seen('Chrome 120.0', 'Windows 10', 'Other')],
  ['Mozilla/5.0 (Windows NT 5.1; rv:29.0) Gecko/20100101 Firefox/29.0',
    seen('Firefox 29.0', 'Windows XP', 'Other')],
  ['Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0',
    seen('Firefox 115.0', 'Linux', 'Other')],
  ['Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1',
    seen('Mobile Safari 17.2', 'iOS 17.1', 'iPhone')],
  ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Safari/605.1.15',
    seen('Safari 17.2', 'Mac OS X 10.15', 'Mac')],
  ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.3.2210.91',
    seen('Edge 120.3', 'Windows 10', 'Other')],
  ['Mozilla/5.0 (Linux; U; Android 4.1.2; de-de; GT-I9100 Build/JZO54K) AppleWebKit/534.30 (KHTML, like Gecko) Version/4.0 Mobile Safari/534.30',
    seen('Android 4.1', 'Android 4.1', 'Samsung GT-I9100')],
  ['Opera/9.80 (X11; Linux i686) Presto/2.12.388 Version/12.16',
    seen('Opera 12.16', 'Linux', 'Other')],
  ['Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.1; Trident/6.0)',
    seen('IE 10.0', 'Windows 7', 'Other')],
  ['Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
    seen('Googlebot 2.1', 'Other', 'Spider', { is_bot: true })],
  ['curl/7.88.1',
    seen('curl 7.88', 'Other', 'Other', { is_bot: true })],
  ['WikipediaApp/2.7.50466-r-2023-12-20 (Android 13; Phone) Google Play',
    seen('Android 13', 'Android 13', 'Phone', { wmf_app_version: '2.7.50466-r-2023-12-20' })],
  ['WikipediaApp/5.3.3.1038 (iOS 10.2; Phone)',
    seen('Other', 'iOS 10.2', 'Other', { wmf_app_version: '5.3.3.1038' })],
  ['QuickInstantCommons/1.5 MediaWiki/1.43.0', { ...unknown, is_mediawiki: true }],
  ['MediaWiki/1.41.0', { ...unknown, device_family: 'Generic Feature Phone', is_bot: true, is_mediawiki: true }],
  ['Mozilla/5.0 (compatible; SemrushBot/7~bl; +http://www.semrush.com/bot.html)',
    seen('SemrushBot 7', 'Other', 'Spider', { is_bot: true })],
  // known to uap-core only, then to isbot only
  ['Mozilla/5.0 (X11; Linux x86_64) ichiro/4.0 Gecko',
    seen('ichiro 4.0', 'Linux', 'Spider', { is_bot: true })],
  ['HeadlessFetcher (run by nobody)', { ...unknown, is_bot: true }],
  ['', unknown],
  ['-', unknown]
]

t.test('well-known user agents are told apart', async t => {
  const { parse } = createUserAgentParser()

  for (const [userAgent, expected] of wellKnown) t.strictSame(parse(userAgent), expected, userAgent)
})

t.test('the first matching pattern of each list decides, as in the specification of uap-core', async t => {
  const { parse } = createUserAgentParser()
  const { user_agent_parsers: browsers } = parseYaml(readFileSync(new URL(import.meta.resolve('uap-core/regexes.yaml')), 'utf8')) as
    { user_agent_parsers: Array<{ regex: string, family_replacement?: string }> }
  const family = (userAgent: string): string => {
    for (const { regex, family_replacement: template } of browsers) {
      const match = new RegExp(regex).exec(userAgent)
      if (match !== null) return template?.replace('$1', match[1] ?? '') ?? match[1] ?? 'Other'
    }
    return 'Other'
  }
  // what the patterns look for, in pieces that overlap the way that real user agents do
  const words = [...new Set(browsers.flatMap(({ regex }) => regex.match(/[A-Za-z]{4,}/g) ?? []))]
  const userAgents = words.flatMap((word, i) => [`${word}/1.2.3`, `Mozilla/5.0 (${word} 4.5; ${words[i + 1]}) ${words[(i * 7) % words.length]}/6.7 Safari/8`])

  const different = userAgents.filter(userAgent => parse(userAgent).browser_family !== family(userAgent).trim())

  t.ok(userAgents.length > 500)
  t.strictSame(different, [])
})

t.test('equal user agents share one frozen result', async t => {
  const { parse } = createUserAgentParser()

  const first = parse('curl/8.0.1')

  t.equal(parse(['curl', '8.0.1'].join('/')), first)
  t.ok(Object.isFrozen(first))
})

t.test('more user agents than the cache holds are still parsed', async t => {
  const { parse } = createUserAgentParser({ cacheSize: 10 })
  const families = (): Array<string | null> => Array.from({ length: 30 }, (_, i) => parse(`curl/${i}.0`).browser_major)

  t.strictSame(families(), families())
  t.equal(parse('curl/29.0').browser_major, '29')
})

t.test('a user agent of more than 800 characters is a record error that says so', async t => {
  const { parse } = createUserAgentParser()

  t.equal(parse('x'.repeat(800)).browser_family, 'Other')
  const error = t.throws(() => parse('x'.repeat(801)), RecordError)

  t.match(error, { code: 'too-long', message: 'the user agent has 801 characters; at most 800 are allowed' })
})

t.test('user agents made to be slow do not hold up the processor', async t => {
  const { parse } = createUserAgentParser({ cacheSize: 1 })
  // found by a search for what makes these patterns backtrack: heads that repeat, and tails that never come
  const hostile = [
    'Mozilla'.repeat(28) + 'Mobile'.repeat(90), 'Mozilla'.repeat(28) + 'Android'.repeat(80), 'MozillaZMobile'.repeat(57),
    'HTC-'.repeat(200), 'iPod'.repeat(200), 'Chrome/1.1.1' + '0'.repeat(788), `Linux 1.${'0'.repeat(792)}`,
    '; '.repeat(400), ' '.repeat(800), 'a'.repeat(800), '/'.repeat(800), '; SAMSUNG-'.repeat(80), '(Mobile; LYF/;rv:'.repeat(47),
    'CFNetwork/13'.repeat(66), '[FB'.repeat(266), 'AppleWebKit/1.1 Safari'.repeat(36), '\u2603'.repeat(800), 'a bot'.repeat(160)
  ].map(userAgent => userAgent.slice(0, 800))
  // V8 compiles a pattern on its first two uses
  for (const userAgent of [...hostile, ...hostile]) parse(userAgent)

  for (const userAgent of hostile) {
    const ms = await idleTimeOf(() => {
      for (let times = 0; times < 5; times++) {
        parse('something else, so that the cache of one forgets')
        parse(userAgent)
      }
    }) / 5
    t.ok(ms < 10, `${ms.toFixed(1)} ms for ${JSON.stringify(userAgent.slice(0, 40))}`)
  }
})

t.test('the cache does not keep the batches that user agents were cut from', async t => {
  const { parse } = createUserAgentParser()
  parse('warm')
  const before = heapUsed()

  for (let i = 0; i < 50; i++) {
    const batch = batchText(`Mozilla/5.0 (number ${i}; with a name) LongBrowserNameForABot${i}/7.5 `)
    parse(batch.slice(0, 200))
  }

  t.ok(heapUsed() - before < 10 << 20, 'not the 50 MB of the batches')
  t.ok(parse('warm'))
})
