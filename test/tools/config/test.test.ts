import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { executable } from '../../helpers/daemon.js'
import { projectRoot } from '../../helpers/shared.js'

const etc = join(projectRoot, 'etc')
const shipped = ['client-side', 'server-side'].map(name => join(etc, 'vanadium', 'tests', `${name}.yaml`))

interface Told {
  readonly code: number | null
  readonly out: string
}

function run (config: string, ...args: string[]): Told {
  const { status, stdout, stderr } = spawnSync(process.execPath, [executable, 'config', 'test', '--config', config, ...args], { encoding: 'utf8' })
  return { code: status, out: stdout + stderr }
}

function write (directory: string, files: Record<string, string>): string {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true })
    writeFileSync(join(directory, name), text)
  }
  return directory
}

t.test('the cases that are shipped are as expected of the argument files that are', async t => {
  const { code, out } = run(join(etc, 'vanadium.d'), '--registry', join(etc, 'vanadium', 'registry.yaml'), ...shipped)

  t.equal(code, 0, out)
  t.match(out, /^8 cases, all as expected$/m)
  t.match(out, /^ok 1 - .*client-side\.yaml:\d+: a click, with what the line adds$/m)
})

t.test('a change of the format, of a schema or of the registry makes them fail, and what differs is told', async t => {
  const argumentFile = readFileSync(join(etc, 'vanadium.d', 'processors', 'client-side'), 'utf8')
  const directory = write(t.testdir(), {
    'changed/processors/client-side': argumentFile.replace('%{seqId}d', '%{seq}d'),
    'same/processors/client-side': argumentFile,
    'schemas/DemoButtonClick/1.yaml': 'properties: { button: { type: string, enum: [close] }, clicks: { type: integer } }',
    'registry.yaml': 'schemas:\n  DemoButtonClick:\n    sampling: { rate: 0 }\n'
  })
  const [file = ''] = shipped

  const format = run(join(directory, 'changed'), file)
  t.equal(format.code, 1)
  t.match(format.out, /^not ok 1 - .*\n {2}expected an event, got an error: validation: \/uuid: required/m)
  t.match(format.out, /^5 cases, [1-5] not as expected$/m)

  const schema = run(join(directory, 'same'), '--schemas', join(directory, 'schemas'), file)
  t.equal(schema.code, 1)
  t.match(schema.out, /^not ok 1 .*\n {2}expected an event, got an error: validation: \/event\/button/m)
  t.match(schema.out, /^not ok 3 .*\n {2}expected an error, got a record: \{.*"button":"close"/m)

  const registry = run(join(directory, 'same'), '--registry', join(directory, 'registry.yaml'), file)
  t.equal(registry.code, 1)
  t.match(registry.out, /^not ok 1 .*\n {2}expected an event, got dropped: sampled$/m)
  t.match(registry.out, /^ok 4 /m)
})

const plugIn = `export default vanadium => {
  vanadium.fn('no-robots', ({ text }) => !text.includes('robot'))
  vanadium.fn('shout', ({ event }) => ({ ...event, wiki: event.wiki.toUpperCase() }))
  vanadium.fn('fails', ({ text }) => { if (text.includes('crash')) throw new Error('no such luck'); return true })
}`

/** A host with a processor behind filters, a forwarder that counts, and a consumer that leaves people out. */
function host (t: Test): string {
  const directory = t.testdir()
  const common = `--plugins ${directory}/plugins\n--registry ${directory}/registry.yaml\n`
  return write(directory, {
    'plugins/all.mjs': plugIn,
    'registry.yaml': 'schemas:\n  DemoButtonClick:\n    user: event.label\n    sampling: { rate: 0.5, by: event.clicks }\n',
    'processors/p': `--format %{seqId}d %j\n--input filter:tcp://127.0.0.1:1?function=no-robots\n--input filter:tcp://127.0.0.1:2?function=fails\n--output tcp://127.0.0.1:3\n--output map:tcp://127.0.0.1:4?function=shout\n${common}`,
    'forwarders/f': '--input udp://127.0.0.1:5\n--output tcp://127.0.0.1:6\n--count\n',
    'consumers/c': `--input tcp://127.0.0.1:6\n--output opt-out:file:///nonexistent/x.log\n${common}`
  })
}

function click (event: object, wiki = 'enwiki'): string {
  return `17 ${JSON.stringify({ schema: 'DemoButtonClick', revision: 1, wiki, recvFrom: 'mw1', timestamp: 1_400_664_601, event: { button: 'save', clicks: 1, ...event } })}`
}

// seen to fail without what wraps the streams
t.test('filters, functions, opt-out and sampling are those of the instance; each input and output may be named', async t => {
  const directory = host(t)
  const file = join(directory, 'cases.yaml')
  const cases = [
    { name: 'plain', line: click({}), output: 'tcp://127.0.0.1:3', capsule: { wiki: 'enwiki', samplingRate: 0.5 } },
    { name: 'mapped', line: click({}), output: 'map:', capsule: { wiki: 'ENWIKI' } },
    { name: 'robot', line: click({ label: 'robot' }), input: 'filter:tcp://127.0.0.1:1', dropped: 'filtered' },
    { name: 'robot by the other way', line: click({ label: 'robot' }), input: 'filter:tcp://127.0.0.1:2', output: 'tcp:', capsule: { event: { label: 'robot' } } },
    { name: 'crash', line: click({ label: 'crash' }), input: 'filter:tcp://127.0.0.1:2', dropped: 'dead_letter' },
    { name: 'sampled', line: click({ clicks: 2 }), dropped: 'sampled' },
    { name: 'opted out', line: click({ label: 'Alice' }), dropped: 'opted_out' },
    { name: 'invalid', line: click({ button: 1 }), error: { code: 'validation', revision: 1 } },
    { name: 'both', line: click({}), capsule: { wiki: 'enwiki' } },
    { name: 'by both', line: click({ label: 'robot' }), output: 'tcp:', dropped: 'filtered' }
  ]
  writeFileSync(file, JSON.stringify({ instance: 'processors/p', 'opted-out': ['Alice'], cases }))

  const { code, out } = run(directory, file)

  t.equal(code, 1)
  t.strictSame([...out.matchAll(/^not ok \d+ - \S+ (.*)$/mg)].map(found => found[1]), ['both', 'by both'], out)
  t.match(out, / both\n {2}map:tcp:\/\/127\.0\.0\.1:4\?function=shout: wiki: expected "enwiki", got "ENWIKI"\n/)
  t.match(out, / by both\n {2}by filter:tcp:\/\/127\.0\.0\.1:2\?function=fails: expected dropped: filtered, got a record: /)
})

t.test('forwarders and consumers have cases too', async t => {
  const directory = host(t)
  const record = click({ label: 'Alice' }).slice('17 '.length)
  write(directory, {
    'f.yaml': JSON.stringify({ instance: 'forwarders/f', cases: [{ line: 'a', record: '0 a' }, { line: 'b c', record: '1 b c' }] }),
    'c.yaml': JSON.stringify({ instance: 'consumers/c', 'opted-out': ['Alice'], cases: [{ line: record, dropped: 'opted_out' }, { line: record.replace('Alice', 'Bob'), capsule: { event: { label: 'Bob' } } }] })
  })

  const { code, out } = run(directory, join(directory, 'f.yaml'), join(directory, 'c.yaml'))

  t.equal(code, 0, out)
  t.match(out, /^ok 4 - \S+: case 2\n4 cases, all as expected$/m)
})

t.test('what is wrong with a file of cases is told with its line, and what is wrong with the argument file', async t => {
  const directory = host(t)
  const cases = ['instance: processors/p', 'opted-out: Alice', 'lines: 1', 'cases:', '  - line: a', '  - lime: b', '    dropped: filtered', '  - line: c', '    dropped: lost', '  - line: d', '    record: d', '    error: { cod: x }', '  - line: e', '    input: "udp:"', '    record: e']
  write(directory, {
    'bad.yaml': cases.join('\n'),
    'torn.yaml': 'instance: [',
    'other.yaml': '\ninstance: processors/q\ncases: [{ line: a, record: a }]',
    'input.yaml': 'instance: processors/p\ncases:\n  - { line: a, record: a, input: "udp:" }',
    'wrong.yaml': 'instance: consumers/wrong\ncases: [{ line: a, record: a }]',
    'consumers/wrong': '--input tcp://127.0.0.1:6\n--output nowhere:\n'
  })
  const told = (name: string): Told => {
    const { code, out } = run(directory, join(directory, `${name}.yaml`))
    return { code, out: out.replaceAll(`${directory}/`, '') }
  }

  const bad = told('bad')
  t.equal(bad.code, 78)
  t.match(bad.out.split('\n'), [
    /^bad\.yaml:2: opted-out is no list/,
    /^bad\.yaml:3: there is no "lines"; allowed are instance, opted-out, cases$/,
    /^bad\.yaml:5: nothing is expected; give one of capsule, record, error, dropped$/,
    /^bad\.yaml:6: there is no "lime"/,
    /^bad\.yaml:6: line is missing/,
    /^bad\.yaml:9: dropped is wrong; give one of filtered, sampled, opted_out, dead_letter$/,
    /^bad\.yaml:12: record and error are expected/,
    ''
  ])
  t.match(told('torn'), { code: 78, out: /^torn\.yaml:1: .*give YAML\n$/ })
  t.match(told('other'), { code: 78, out: /^other\.yaml:2: instance: there is no processors\/q; / })
  t.match(told('input'), { code: 78, out: /^input\.yaml:3: input udp: is none of the instance's; there are filter:tcp:\/\/127\.0\.0\.1:1/ })
  t.match(told('wrong'), { code: 78, out: /^consumers\/wrong:2: nowhere:: there is no writer for "nowhere:"/ })
  t.match(told('none'), { code: 78, out: /^none\.yaml: ENOENT.*; name a file of cases that can be read/ })
})
