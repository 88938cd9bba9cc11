import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { isAddress } from '../../lib/registry/personal.js'
import { checkRegistry, inspectRegistry, openRegistry, openUsableRegistry, readRegistry } from '../../lib/registry/registry.js'
import { projectRoot } from '../helpers/shared.js'
import { idleTimeOf } from '../helpers/speed.js'
import { until } from '../helpers/wait.js'

t.test('a schema has its own thresholds, then those that hold for all, then what is built in', async t => {
  const registry = readRegistry(`
operators: [ops@example.org]
graphite: http://graphite.example.org/
thresholds: { over: { warning: 100, critical: 200 } }
schemas:
  B: { owners: [b@example.org], thresholds: { over: { warning: 1, critical: 1 } } }
  A:
`, 'registry.yaml')

  t.strictSame(registry.names, ['A', 'B'])
  t.strictSame(registry.operators, ['ops@example.org'])
  t.equal(registry.graphite, 'http://graphite.example.org')
  t.equal(registry.graphiteLink, 'http://graphite.example.org')
  t.match(registry.find('B'), { owners: ['b@example.org'], thresholds: { invalid: { warning: 0.05, critical: 0.2 }, over: { warning: 1, critical: 1 } } })
  for (const other of ['A', 'C', '', 'constructor', '__proto__']) {
    t.match(registry.find(other), { owners: [], thresholds: { invalid: { warning: 0.05, critical: 0.2 }, over: { warning: 100, critical: 200 } } })
  }
})

t.test('an empty registry has defaults; names that JavaScript has too are names like others', async t => {
  t.match(readRegistry('', 'f'), { operators: [], mail: { from: 'vanadium@localhost', via: 'smtp://127.0.0.1:25' }, graphite: 'http://127.0.0.1:8080', names: [] })
  t.strictSame(readRegistry('schemas: { constructor: { owners: [a@b.org] }, __proto__: { owners: [c@d.org] } }', 'f').find('__proto__').owners, ['c@d.org'])
})

t.test('a name with nothing below it is as good as absent', async t => {
  t.match(readRegistry('operators:\nthresholds:\nschemas:\n  # A:\n', 'f'), { operators: [], names: [] })
})

t.test('the link to Graphite that people get has not the password of the checks', async t => {
  t.match(readRegistry('graphite: http://ops:secret@g.example.org/x', 'f'), { graphite: 'http://ops:secret@g.example.org/x', graphiteLink: 'http://g.example.org/x' })
})

t.test('who has to tell of an alert uses what is good of a registry with a mistake', async t => {
  const directory = t.testdir({ bad: 'operators: [ops@example.org]\ngraphite: nonsense\nschemas: { A: { owner: [] }, B: { team: b } }', worse: 'a: [' })

  const { registry, problem } = openUsableRegistry(join(directory, 'bad'))

  t.match(registry, { operators: ['ops@example.org'], graphite: 'http://127.0.0.1:8080', names: ['B'] })
  t.match(problem, /bad:2: graphite: .*bad:3: schemas\/A: there is no "owner"/)
  t.match(openUsableRegistry(join(directory, 'worse')), { registry: { operators: [] }, problem: /worse:1: / })
  t.match(openUsableRegistry(join(directory, 'none')), { registry: { operators: [] }, problem: /cannot be read/ })
})

t.test('an alias stands for what it names', async t => {
  t.strictSame(readRegistry('operators: &ops [a@b.org]\nschemas: { A: { owners: *ops } }', 'f').find('A').owners, ['a@b.org'])
})

t.test('the shipped registry is good', async t => {
  t.strictSame(openRegistry(join(projectRoot, 'etc', 'vanadium', 'registry.yaml')).find('NavigationTiming').thresholds.under, { warning: 2, critical: 1 })
})

interface Mistake {
  readonly what: string
  readonly text: string
  /** What is said, behind the name of the file. */
  readonly said: readonly string[]
}

const retention = (rest: string): string => `schemas:\n  A:\n    retention:\n      ${rest.replaceAll('\n', '\n      ')}`
const never = 'is an address or a user agent by its name, which nothing of an event may be kept of for longer than its days; take it out'
const escape = 'what is given is no URL; in a name or password write / ? # @ % as %2F %3F %23 %40 %25'

const mistakes: readonly Mistake[] = [
  { what: 'a list', text: '- a', said: ['1: at the top: what is given is wrong; give names with something below them: operators, mail, graphite, graphite-password-file, graphite-link, documentation, thresholds, retention, schemas'] },
  { what: 'an option that there is not', text: '# mine\noperater: []', said: ['2: at the top: there is no "operater"; allowed are operators, mail, graphite, graphite-password-file, graphite-link, documentation, thresholds, retention, schemas'] },
  { what: 'one of a schema', text: 'schemas:\n  A:\n    team: x\n    owner: []', said: ['4: schemas/A: there is no "owner"; allowed are owners, team, description, thresholds, sampling, retention, volume, user'] },
  { what: 'one of mail', text: 'mail: { form: a@b.org }', said: ['1: mail: there is no "form"; allowed are from, via, password-file'] },
  { what: 'a threshold that there is not', text: 'thresholds: { above: {} }', said: ['1: thresholds: there is no "above"; allowed are over, under, invalid'] },
  { what: 'a merge key', text: 'thresholds: { <<: {} }', said: ['1: thresholds: there is no "<<"; allowed are over, under, invalid'] },
  { what: 'two addresses in one', text: 'operators:\n  - a@b.org\n  - "a@b.org, c@d.org"', said: ['3: operators/1: "a@b.org, c@d.org" is wrong; give one address, as ops@example.org'] },
  { what: 'an address that is a header', text: 'schemas: { A: { owners: ["a@b.org\\nBcc: c"] } }', said: ['1: schemas/A/owners/0: "a@b.org\\nBcc: c" is wrong; give one address, as ops@example.org'] },
  { what: 'an owner without mail', text: 'schemas:\n  A:\n    owners:\n      - name: Ann', said: ['4: schemas/A/owners/0: {"name":"Ann"} has no "mail"; give mail'] },
  { what: 'an owner who is a number', text: 'schemas: { A: { owners: [1] } }', said: ['1: schemas/A/owners/0: 1 is wrong; give one address, as ops@example.org'] },
  { what: 'a name that no schema has', text: 'schemas:\n  B:\n  "a b": {}', said: ['3: schemas: "a b" is wrong; give the name of a schema: letters, digits and _ . / -, at most 63'] },
  { what: 'a schema that is a text', text: 'schemas:\n  A: none', said: ['2: schemas/A: "none" is wrong; give names with something below them: owners, team, description, thresholds, sampling, retention, volume, user'] },
  { what: 'a rate above 1', text: 'schemas:\n  A:\n    sampling:\n      rate: 10', said: ['4: schemas/A/sampling/rate: 10 is wrong; give a number from 0 to 1'] },
  { what: 'a rate in percent', text: 'schemas: { A: { sampling: { rate: 10% } } }', said: ['1: schemas/A/sampling/rate: "10%" is wrong; give a number from 0 to 1'] },
  { what: 'sampling without a rate', text: 'schemas:\n  A:\n    sampling:\n      by: event.token', said: ['3: schemas/A/sampling: {"by":"event.token"} has no "rate"; give rate'] },
  { what: 'a volume below 0', text: 'schemas: { A: { volume: -1 } }', said: ['1: schemas/A/volume: -1 is wrong; give a number, at least 0'] },
  { what: 'no field', text: 'schemas: { A: { user: event..name } }', said: ['1: schemas/A/user: "event..name" is wrong; give a field, as wiki or event.action'] },
  { what: 'a share above 1', text: 'thresholds:\n  invalid:\n    warning: 5\n    critical: 20', said: ['3: thresholds/invalid/warning: 5 is wrong; give a number from 0 to 1', '4: thresholds/invalid/critical: 20 is wrong; give a number from 0 to 1'] },
  { what: 'half of the limits', text: 'thresholds: { over: { warning: 5 } }', said: ['1: thresholds/over: {"warning":5} has no "critical"; give warning and critical'] },
  { what: 'a limit that is no number', text: 'thresholds: { over: { warning: .nan, critical: many } }', said: ['1: thresholds/over/warning: null is wrong; give a number, at least 0', '1: thresholds/over/critical: "many" is wrong; give a number, at least 0'] },
  { what: 'an alarm before its warning', text: 'schemas: { A: { thresholds: { over: { warning: 5,\n  critical: 4 } } } }', said: ['2: schemas/A/thresholds/over: critical 4 comes before warning 5; give at least 5'] },
  { what: 'an alarm before its warning, for fewer', text: 'thresholds: { under: { warning: 5, critical: 6 } }', said: ['1: thresholds/under: critical 6 comes before warning 5; give at most 5'] },
  { what: 'no day at all', text: 'retention: { days: 0 }', said: ['1: retention/days: 0 is wrong; give a whole number from 1 to 36500'] },
  { what: 'longer than others, for no reason', text: retention('keep: [wiki]\ndays: 91'), said: ['5: schemas/A/retention/days: 91 is more than the 90 of all schemas; give at most 90, or a reason: and an end date, until:'] },
  { what: 'the same where all are kept for less', text: `retention: { days: 30 }\n${retention('days: 31')}`, said: ['5: schemas/A/retention/days: 31 is more than the 30 of all schemas; give at most 30, or a reason: and an end date, until:'] },
  { what: 'a reason without an end', text: retention('days: 91\nreason: study'), said: ['5: schemas/A/retention/reason: it is alone; give until, too, or neither'] },
  { what: 'an end without a reason', text: retention('until: 2999-01-01'), said: ['4: schemas/A/retention/until: it is alone; give reason, too, or neither'] },
  { what: 'a day that there is not', text: retention('reason: study\nuntil: 2999-02-30'), said: ['5: schemas/A/retention/until: "2999-02-30" is no day of the calendar; give a date, as 2030-12-31'] },
  { what: 'a date in words', text: retention('reason: study\nuntil: next year'), said: ['5: schemas/A/retention/until: "next year" is wrong; give a date, as 2030-12-31'] },
  { what: 'addresses that are kept', text: retention('keep:\n  - wiki\n  - userAgent\n  - event.client_ip'), said: [`6: schemas/A/retention/keep/1: "userAgent" ${never}`, `7: schemas/A/retention/keep/2: "event.client_ip" ${never}`] },
  {
    what: 'addresses that are kept in another form', text: retention('anonymise: { clientIp: hash }\naggregate:\n  by: [event.user-agent]\n  of: [event.remoteAddr]'), said: [
    `4: schemas/A/retention/anonymise/clientIp: "clientIp" ${never}`, `6: schemas/A/retention/aggregate/by/0: "event.user-agent" ${never}`, `7: schemas/A/retention/aggregate/of/0: "event.remoteAddr" ${never}`
    ]
  },
  { what: 'a user who is counted by day', text: `${retention('aggregate:\n  by: [wiki, event.user.id]')}\n    user: event.user`, said: ['5: schemas/A/retention/aggregate/by/1: "event.user.id" says whose the events are (user), and what is counted by day must not; take it out'] },
  { what: 'a field that is kept as it is and changed', text: retention('keep: [wiki]\nanonymise:\n  wiki: hash'), said: ['6: schemas/A/retention/anonymise/wiki: "wiki" is in keep, too; leave it in one of them'] },
  { what: 'a field twice', text: retention('keep: [a, wiki, wiki]'), said: ['4: schemas/A/retention/keep: items 2 and 3 are the same; give each once'] },
  { what: 'too many fields', text: retention(`keep: [${Array.from({ length: 1001 }, (_, n) => `f${n}`).join()}]`), said: ['4: schemas/A/retention/keep: there are too many items; give at most 1000'] },
  { what: 'an unknown way to change', text: retention('anonymise: { wiki: md5 }'), said: ['4: schemas/A/retention/anonymise/wiki: "md5" is wrong; give hash, or truncate: or bucket: with a number'] },
  { what: 'two ways to change', text: retention('anonymise: { wiki: { truncate: 1, bucket: 2 } }'), said: ['4: schemas/A/retention/anonymise/wiki: {"truncate":1,"bucket":2} is wrong; give one of truncate, bucket'] },
  { what: 'a bucket of nothing', text: retention('anonymise: { wiki: { bucket: 0 } }'), said: ['4: schemas/A/retention/anonymise/wiki/bucket: 0 is wrong; give a number above 0'] },
  { what: 'a password with a slash', text: '\ngraphite: http://ops:pa/ss@g:8080', said: [`2: graphite: ${escape}`] },
  { what: 'a password with a percent sign', text: 'graphite: "http://ops:100%@g"', said: [`1: graphite: ${escape}`] },
  { what: 'a password with an @', text: 'mail:\n  via: "smtp://u:p@ss@h"', said: [`2: mail/via: ${escape}`] },
  { what: 'an address of Graphite that is a file', text: 'graphite: file:///etc/passwd', said: ['1: graphite: what is given is wrong; give a URL, as http://127.0.0.1:8080'] },
  { what: 'a way of mail, whose password is not said', text: 'mail:\n  via: "smtps://u:secret word@h"', said: ['2: mail/via: what is given is wrong; give the path of a sendmail program, smtp://host:port or smtps://user@host'] },
  { what: 'tabs', text: 'operators:\n\t- a@b.org', said: ['2: Tabs are not allowed as indentation (column 1); give YAML'] },
  { what: 'a key twice', text: 'schemas:\n  A: {}\n  A: {}', said: ['3: Map keys must be unique (column 3); give YAML'] },
  { what: 'a quote that is open, near a password', text: 'mail:\n  via: "smtps://u:secret@h', said: ['2: Missing closing "quote (column 27); give YAML'] },
  { what: 'an alias of nothing', text: '\noperators: *ops', said: ['2: *ops stands for nothing; write &ops before what it is to stand for, above it, or write that out'] },
  { what: 'a mistake in what an alias stands for', text: 'operators: &ops\n  - a\nschemas: { A: { owners: *ops } }', said: ['2: operators/0: "a" is wrong; give one address, as ops@example.org', '2: schemas/A/owners/0: "a" is wrong; give one address, as ops@example.org'] },
  { what: 'two documents', text: '---\n{}\n---\n{}', said: ['3: Source contains multiple documents (column 1); give YAML'] },
  {
    what: 'several at once, in the order of their lines', text: 'schemas:\n  A: { volume: x }\n  B: { retention: { days: 100 } }\ngraphite: nonsense\noops: 1', said: [
      '2: schemas/A/volume: "x" is wrong; give a number, at least 0', '3: schemas/B/retention/days: 100 is more than the 90 of all schemas; give at most 90, or a reason: and an end date, until:',
      '4: graphite: what is given is wrong; give a URL, as http://127.0.0.1:8080', '5: at the top: there is no "oops"; allowed are operators, mail, graphite, graphite-password-file, graphite-link, documentation, thresholds, retention, schemas'
    ]
  }
]

for (const { what, text, said } of mistakes) {
  t.test(`refused, with file and line: ${what}`, async t => {
    const error = t.throws(() => readRegistry(text, '/etc/r.yaml'), { name: 'ConfigError', code: 'bad-registry' }) as Error

    t.strictSame(error.message, said.map(line => `/etc/r.yaml:${line}`).join('; '))
    t.notMatch(error.message, 'secret')
  })
}

t.test('fields that are no addresses by their name may be kept; addresses may not, however they are written', async t => {
  for (const field of ['wiki', 'event.action', 'event.zip', 'event.tip', 'event.membership', 'event.description', 'event.guarantee', 'event.scriptPath']) t.notOk(isAddress(field), field)
  for (const field of ['ip', 'clientIp', 'userAgent', 'event.IP', 'event.clientIPAddress', 'event.clientip', 'event.user_agent', 'event.useragent', 'event.ipv6', 'event.X-Forwarded-For', 'event.ua', 'event.ip.country', 'http.client_ip']) t.ok(isAddress(field), field)
})

t.test('an end date that has passed is no mistake at a start, but in a check; then the days of all schemas hold', async t => {
  const directory = t.testdir({ 'registry.yaml': retention('days: 400\nreason: study\nuntil: 2015-01-07') })
  const file = join(directory, 'registry.yaml')
  const today = new Date().toISOString().slice(0, 10)
  const said = `${file}:6: schemas/A/retention/until: "2015-01-07" has passed, so the days of all schemas hold; give a date from ${today} on, or take out reason and until with what they are for`

  t.match(openRegistry(file), { expired: [said] })
  t.match(openRegistry(file).find('A').retention, { days: 90, longer: null })
  t.match(openRegistry(file).find('A', Date.UTC(2015, 0, 7, 23)).retention, { days: 400, longer: { reason: 'study', until: '2015-01-07' } })
  t.throws(() => checkRegistry(file), { name: 'ConfigError', code: 'bad-registry', message: said })
  t.throws(() => readRegistry(retention('days: 400\nreason: study\nuntil: 2015-02-29'), 'f'), { message: /is no day of the calendar/ })
})

t.test('aliases that grow into gigabytes are refused at once', async t => {
  const levels = 'abcdefghi'.split('')
  const laughs = levels.map((name, at) => `${name}: &${name} [${Array(9).fill(at === 0 ? 'lol' : `*${levels[at - 1]}`).join(', ')}]`).join('\n')

  t.throws(() => readRegistry(laughs, 'f'), { code: 'bad-registry', message: /^f:6: aliases stand for more than 100000 values \(column \d+\)/ })
  // of these the library itself counts none
  t.throws(() => readRegistry(laughs.replaceAll('lol', '[]'), 'f'), { code: 'bad-registry', message: /aliases stand for more than 100000 values/ })
})

// seen to take minutes
t.test('a large file with a mistake in each line is read in time that is linear in it', async t => {
  const lines = (make: (n: number) => string): string => Array.from({ length: 25_000 }, (_, n) => make(n)).join('\n')

  for (const text of [`schemas:\n${lines(n => `  S${n}: x`)}`, `schemas:\n  A:\n${lines(n => `    s${n}: x`)}`, `x: &x\n${lines(n => `  S${n}: 1`)}\nschemas: *x`]) {
    const ms = await idleTimeOf(() => { t.throws(() => readRegistry(text, 'f'), { code: 'bad-registry', message: /; and \d+ more$/ }) })
    t.ok(ms < 5000, `${ms.toFixed(0)} ms`)
  }
})

t.test('many mistakes are not all told, nor long values whole', async t => {
  const error = t.throws(() => readRegistry(`operators: [${'x'.repeat(5000)}, ${Array.from({ length: 500 }, (_, n) => `m${n}`).join(', ')}]`, 'f')) as Error

  t.match(error.message, /; and \d+ more$/)
  t.ok(error.message.length < 4000)
})

t.test('a registry that is named must be there', async t => {
  t.throws(() => openRegistry('/nowhere/registry.yaml'), { name: 'ConfigError', code: 'bad-registry', message: /^\/nowhere\/registry.yaml: the registry cannot be read: ENOENT.*; give a file as etc\/vanadium\/registry.yaml$/ })
})

t.test('fragments beside a registry have further schemas, by the names of their files; nothing else, and none twice', async t => {
  const directory = t.testdir({
    'registry.yaml': 'operators: [ops@example.org]\nschemas:\n  A: { team: a }',
    'registry.d': { 'b.yaml': 'schemas:\n  B: { team: b }', 'a.yml': 'schemas: { C: }', '.#b.yaml': 'x', 'b.yaml~': 'x', 'notes.txt': 'x', 'empty.yaml': '# soon\n' }
  })
  const file = join(directory, 'registry.yaml')
  const fragment = (name: string): string => join(directory, 'registry.d', name)
  const registry = openRegistry(file)

  t.match(registry, { operators: ['ops@example.org'], names: ['A', 'B', 'C'], files: [file, fragment('a.yml'), fragment('b.yaml'), fragment('empty.yaml')] })
  t.equal(registry.find('B').team, 'b')

  writeFileSync(fragment('c.yaml'), 'operators: []\nschemas:\n  D: { volume: x }\n  A: {}\n  B: {}')
  const said = [
    `${fragment('c.yaml')}:1: at the top: there is no "operators"; allowed is schemas; what else there is belongs into the registry itself`,
    `${fragment('c.yaml')}:3: schemas/D/volume: "x" is wrong; give a number, at least 0`,
    `${fragment('c.yaml')}:4: schemas/A: ${file}:3 has it, too; leave it in one of them`,
    `${fragment('c.yaml')}:5: schemas/B: ${fragment('b.yaml')}:2 has it, too; leave it in one of them`
  ].join('; ')
  t.throws(() => openRegistry(file), { name: 'ConfigError', code: 'bad-registry', message: said })
  t.match(openUsableRegistry(file), { registry: { names: ['A', 'B', 'C'] }, problem: said })
  t.equal(openUsableRegistry(file).registry.find('A').team, 'a')
})

// seen to fail when the reload takes another registry instead
t.test('a reload reads it again; a mistake in it is logged, and what was read before stays', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'registry-'))
  t.teardown(() => { rmSync(directory, { recursive: true }) })
  const file = join(directory, 'registry.yaml')
  writeFileSync(file, 'operators: [first@example.org]')
  const child = spawn(process.execPath, [join(import.meta.dirname, '..', 'fixtures', 'registry-holder.js'), '--registry', file, '--state', directory], { stdio: ['ignore', 'ignore', 'pipe'] })
  const lines: Array<Record<string, unknown>> = []
  createInterface({ input: child.stderr }).on('line', line => { lines.push(JSON.parse(line) as Record<string, unknown>) })
  const ended = once(child, 'close')
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const held = async (times: number): Promise<unknown> => await until('it says what it holds', () => {
    const all = lines.filter(({ message }) => message === 'holds')
    return all.length >= times ? all.at(-1)?.['operators'] : null
  })

  t.strictSame(await held(1), ['first@example.org'])
  writeFileSync(file, 'operators: [nobody]')
  child.kill('SIGHUP')
  t.strictSame(await held(2), ['first@example.org'])
  t.match(lines.find(({ level }) => level === 'error'), { message: 'the registry was not read again', reason: `${file}:1: operators/0: "nobody" is wrong; give one address, as ops@example.org` })
  writeFileSync(file, 'operators: [second@example.org]')
  child.kill('SIGHUP')
  t.strictSame(await held(3), ['second@example.org'])
  mkdirSync(join(directory, 'registry.d'))
  writeFileSync(join(directory, 'registry.d', 'team.yaml'), retention('days: 400\nreason: study\nuntil: 2015-01-07'))
  child.kill('SIGHUP')
  await held(4)
  t.match(lines.filter(({ message }) => message === 'holds').map(({ schemas }) => schemas), [[], [], [], ['A']])
  t.match(lines.filter(({ level }) => level === 'warn'), [{ message: 'an end date in the registry has passed', places: [/team\.yaml:6: schemas\/A\/retention\/until: /] }])
  child.kill('SIGTERM')
  t.strictSame(await ended, [0, null])
})

t.test('a file with a password that others may read is refused, with the line; notify and registry check use the rest', async t => {
  const file = join(t.testdir({}), 'registry.yaml')
  const text = (via: string): string => `operators: [a@example.org]\nmail:\n  # smtps://u:p@h\n  via: ${via}\n`
  const message = new RegExp(`^${file}:4: mail/via has a password, and the file has mode 0644 .*; chmod 0640 ${file}; or write the password into a file of its own and name that by mail/password-file$`)

  writeFileSync(file, text('smtps://me@mail.example.org'))
  chmodSync(file, 0o644)
  t.equal(openRegistry(file).mail.via, 'smtps://me@mail.example.org')

  writeFileSync(file, text('smtps://me:sEcReT@mail.example.org'))
  t.throws(() => openRegistry(file), { code: 'bad-registry', message })
  t.match(openUsableRegistry(file), { registry: { operators: ['a@example.org'] }, problem: message })
  t.match(inspectRegistry(file, new Map([[file, text('smtps://me:sEcReT@mail.example.org')]])).problems, [{ file, line: 4 }], 'a draft of it, too')
  t.strictSame(inspectRegistry(file, new Map([[file, text('/usr/sbin/sendmail')]])).problems, [])

  chmodSync(file, 0o640)
  t.equal(openRegistry(file).mail.via, 'smtps://me:sEcReT@mail.example.org')
})

t.test('files of passwords stand beside the URLs that they are for', async t => {
  const registry = readRegistry('mail: { via: "smtps://me@h", password-file: /etc/a }\ngraphite: http://me@g\ngraphite-password-file: /etc/b', 'f')

  t.match(registry, { mail: { passwordFile: '/etc/a' }, graphitePasswordFile: '/etc/b' })
  t.throws(() => readRegistry('mail: { via: "smtp://h", password-file: /etc/a }', 'f'), { message: 'f:1: mail/password-file: mail/via does not say whose password it is; write scheme://user@host there' })
  t.throws(() => readRegistry('graphite: "http://me:sEcReT@g"\ngraphite-password-file: /etc/b', 'f'), { message: 'f:2: graphite-password-file: graphite has a password, too; take it out there' })
  t.throws(() => readRegistry('mail: { via: "smtps://me@h", password-file: x }', 'f'), { message: /give the path of a file/ })
})
