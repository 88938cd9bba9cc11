import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { openRegistry, openUsableRegistry, readRegistry } from '../../lib/registry/registry.js'
import { projectRoot } from '../helpers/shared.js'
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
  const directory = t.testdir({ bad: 'operators: [ops@example.org]\ngraphite: nonsense\nschemas: { A: { owner: [] } }', worse: 'a: [' })

  const { registry, problem } = openUsableRegistry(join(directory, 'bad'))

  t.match(registry, { operators: ['ops@example.org'], graphite: 'http://127.0.0.1:8080', names: [] })
  t.match(problem, /bad: graphite: .*schemas\/A: there is no "owner"/)
  t.match(openUsableRegistry(join(directory, 'worse')), { registry: { operators: [] }, problem: /worse: / })
  t.match(openUsableRegistry(join(directory, 'none')), { registry: { operators: [] }, problem: /cannot be read/ })
})

t.test('an alias stands for what it names', async t => {
  t.strictSame(readRegistry('operators: &ops [a@b.org]\nschemas: { A: { owners: *ops } }', 'f').find('A').owners, ['a@b.org'])
})

t.test('the shipped registry is good', async t => {
  t.strictSame(openRegistry(join(projectRoot, 'etc', 'vanadium', 'registry.yaml')).find('NavigationTiming').thresholds.under, { warning: 2, critical: 1 })
})

/** What, text, what is said of it behind the path. */
const mistakes: ReadonlyArray<readonly [string, string, string | RegExp]> = [
  ['a list', '- a', 'at the top: what is given must be object'],
  ['an option that there is not', 'operater: []', 'at the top: there is no "operater"; allowed are operators, mail, graphite, graphite-link, documentation, thresholds, retention, schemas'],
  ['one of a schema', 'schemas: { A: { owner: [] } }', 'schemas/A: there is no "owner"; allowed are owners, team, description, thresholds, sampling, retention, volume, user'],
  ['a threshold that there is not', 'thresholds: { above: {} }', 'thresholds: there is no "above"; allowed are over, under, invalid'],
  ['a merge key', 'thresholds: { <<: {} }', 'thresholds: there is no "<<"; allowed are over, under, invalid'],
  ['two addresses in one', 'operators: ["a@b.org, c@d.org"]', 'operators/0: "a@b.org, c@d.org" is wrong; give one address, as ops@example.org'],
  ['an address that is a header', 'schemas: { A: { owners: ["a@b.org\\nBcc: c"] } }', 'schemas/A/owners/0: "a@b.org\\nBcc: c" is wrong; give one address, as ops@example.org'],
  ['a name that no schema has', 'schemas: { "a b": {} }', 'schemas: "a b" is wrong; give the name of a schema: letters, digits and _ . / -, at most 63'],
  ['a share above 1', 'thresholds: { invalid: { warning: 5, critical: 20 } }', 'thresholds/invalid/warning: 5 must be <= 1; thresholds/invalid/critical: 20 must be <= 1'],
  ['half of the limits', 'thresholds: { over: { warning: 5 } }', 'thresholds/over: {"warning":5} must have required property \'critical\''],
  ['a limit that is no number', 'thresholds: { over: { warning: .nan, critical: many } }', 'thresholds/over/warning: null must be number; thresholds/over/critical: "many" must be number'],
  ['an alarm before its warning', 'schemas: { A: { thresholds: { over: { warning: 5, critical: 4 } } } }', 'schemas/A/thresholds/over: critical 4 comes before warning 5; give at least 5'],
  ['an alarm before its warning, for fewer', 'thresholds: { under: { warning: 5, critical: 6 } }', 'thresholds/under: critical 6 comes before warning 5; give at most 5'],
  ['a password with a slash', 'graphite: http://ops:pa/ss@g:8080', 'graphite: what is given is no URL; in a name or password write / ? # @ % as %2F %3F %23 %40 %25'],
  ['a password with a percent sign', 'graphite: "http://ops:100%@g"', 'graphite: what is given is no URL; in a name or password write / ? # @ % as %2F %3F %23 %40 %25'],
  ['a password with an @', 'mail: { via: "smtp://u:p@ss@h" }', 'mail/via: what is given is no URL; in a name or password write / ? # @ % as %2F %3F %23 %40 %25'],
  ['an address of Graphite that is a file', 'graphite: file:///etc/passwd', 'graphite: what is given is wrong; give a URL, as http://127.0.0.1:8080'],
  ['a way of mail, whose password is not said', 'mail: { via: "smtps://u:secret word@h" }', 'mail/via: what is given is wrong; give the path of a sendmail program, smtp://host:port or smtps://user:password@host'],
  ['tabs', 'operators:\n\t- a@b.org', 'Tabs are not allowed as indentation at line 2, column 1'],
  ['a key twice', 'schemas:\n  A: {}\n  A: {}', 'Map keys must be unique at line 3, column 3'],
  ['a quote that is open, near a password', 'mail:\n  via: "smtps://u:secret@h', /^Missing closing "quote at line 2, column \d+$/],
  ['an alias of nothing', 'operators: *ops', 'Unresolved alias (the anchor must be set before the alias): ops; write out what aliases stand for'],
  ['two documents', '---\n{}\n---\n{}', /^Source contains multiple documents.* at line 3, column 1$/]
]

for (const [what, text, message] of mistakes) {
  t.test(`refused, with its place: ${what}`, async t => {
    const error = t.throws(() => readRegistry(text, '/etc/registry.yaml'), { name: 'ConfigError', code: 'bad-registry' }) as Error

    t.match(error.message.replace('/etc/registry.yaml: ', ''), message)
    t.ok(error.message.startsWith('/etc/registry.yaml: '))
    t.notMatch(error.message, 'secret')
  })
}

// seen to fail without maxAliasCount
t.test('aliases that grow into gigabytes are refused at once', async t => {
  const levels = 'abcdefghi'.split('')
  const laughs = levels.map((name, at) => `${name}: &${name} [${Array(9).fill(at === 0 ? 'lol' : `*${levels[at - 1]}`).join(', ')}]`).join('\n')

  t.throws(() => readRegistry(laughs, 'f'), { code: 'bad-registry', message: /^f: Excessive alias count .*; write out what aliases stand for$/ })
})

t.test('many mistakes are not all told, nor long values whole', async t => {
  const error = t.throws(() => readRegistry(`operators: [${'x'.repeat(5000)}, ${Array.from({ length: 500 }, (_, n) => `m${n}`).join(', ')}]`, 'f')) as Error

  t.match(error.message, /; and \d+ more$/)
  t.ok(error.message.length < 4000)
})

t.test('a registry that is named must be there', async t => {
  t.throws(() => openRegistry('/nowhere/registry.yaml'), { name: 'ConfigError', code: 'bad-registry', message: /^--registry \/nowhere\/registry.yaml cannot be read: ENOENT.*; give a file as etc\/vanadium\/registry.yaml$/ })
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
  t.match(lines.find(({ level }) => level === 'error'), { message: 'the registry was not read again', reason: `${file}: operators/0: "nobody" is wrong; give one address, as ops@example.org` })
  writeFileSync(file, 'operators: [second@example.org]')
  child.kill('SIGHUP')
  t.strictSame(await held(3), ['second@example.org'])
  child.kill('SIGTERM')
  t.strictSame(await ended, [0, null])
})
