import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { executable } from '../../helpers/daemon.js'
import { streamKeys } from '../../helpers/keys.js'
import { projectRoot } from '../../helpers/shared.js'
import { problemText } from '../../../tools/config/problem.js'
import { filesIn, problemsOfFiles } from '../../../tools/config/problems.js'

/** A user who owns nothing. */
const nobody = 65534

interface Told {
  readonly code: number | null
  readonly lines: string[]
}

/** Runs `vanadium config check`; paths are told without the directory. */
function run (directory: string, ...args: string[]): Told {
  const { status, stdout, stderr } = spawnSync(process.execPath, [executable, 'config', 'check', ...args, '--config', directory], { encoding: 'utf8' })
  return { code: status, lines: linesOf(directory, stdout + stderr) }
}

/** The problems that it tells, in this process: starting another one takes longer than all the looking. */
async function check (directory: string, { all = false, files = filesIn(directory) } = {}): Promise<string[]> {
  const problems = await problemsOfFiles(files, { all, isWhole: true })
  return linesOf(directory, problems.map(problemText).join('\n'))
}

function linesOf (directory: string, text: string): string[] {
  return text.replaceAll(`${directory}/`, '').trimEnd().split('\n')
}

/** A configuration with these files. */
function configuration (t: Test, files: Record<string, string | string[]>): string {
  const directory = t.testdir()
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true })
    writeFileSync(join(directory, name), Array.isArray(text) ? `${text.join('\n')}\n` : text)
  }
  return directory
}

t.test('the configuration that is shipped is good, without a warning', async t => {
  const told = run(join(projectRoot, 'etc', 'vanadium.d'))

  t.strictSame(told, { code: 0, lines: ['good; 10 argument files'] })
})

// seen to fail when only the first mistake of a file is told, and when lines are those of the last option
t.test('all mistakes of a file are told, each with its line, in the order of files and lines', async t => {
  const directory = configuration(t, {
    'consumers/mysql': ['# a database', '', '--inptu tcp://127.0.0.1:8610?as=mysql', '--output mysql://127.0.0.1/log', '--fsync sometimes', '--interval soon', '--output sqlite:///x'],
    'forwarders/a': ['--count yes', '--input udp://127.0.0.1:8421?buffer=1 tcp://x', '--input tcp://127.0.0.1:8422', '--output tcp://*', '--flush-interval 0'],
    'forwarders/b': ['--input', 'stdin://', '--output', 'tcp://127.0.0.1:99999', '--name b'],
    'monitors/all': ['--statsd 127.0.0.1:8125', '--input overall=tcp://127.0.0.1:8431', '--input x=tcp://127.0.0.1:8431?hmw=1'],
    'processors/p': ['--format %x', '--input stdin://', '--output stdout://', '--statsd somewhere', '--plugins /nonexistent']
  })

  const { code, lines } = run(directory)

  t.equal(code, 78)
  t.match(lines, [
    /^consumers\/mysql:3: unknown argument: inptu; consumer takes --input /,
    /^consumers\/mysql:5: invalid values; Argument: fsync, Given: "sometimes"/,
    /^consumers\/mysql:6: --interval is "NaN"; give a number/,
    /^consumers\/mysql:7: --output is given 2 times/,
    /^forwarders\/a:1: unexpected argument "yes"/,
    /^forwarders\/a:2: udp:\/\/127\.0\.0\.1:8421\?buffer=1 tcp:\/\/x: unknown option "buffer"/,
    /^forwarders\/a:4: tcp:\/\/\*: the host or the port is missing/,
    /^forwarders\/a:5: --flush-interval 0: give seconds/,
    /^forwarders\/b:4: tcp:\/\/127\.0\.0\.1:99999: port "99999" is not a number/,
    /^forwarders\/b:5: --name is given 2 times/,
    /^monitors\/all:2: --input overall=tcp:.*: a stream cannot be called overall/,
    /^monitors\/all:3: .*unknown option "hmw"/,
    /^processors\/p:1: --format "%x": there is no specifier/,
    /^processors\/p:4: --statsd "somewhere": give HOST:PORT/,
    /^processors\/p:5: --plugins \/nonexistent: /,
    /^\d+ mistakes; 5 argument files$/
  ])
})

t.test('a mistake in a file that another names is told where it stands', async t => {
  const directory = configuration(t, { common: ['# for all', '--log-level loud'], 'consumers/log': ['--input tcp://127.0.0.1:8610', '--output stdout://'] })
  writeFileSync(join(directory, 'consumers', 'log'), `--input tcp://127.0.0.1:8610\n--output stdout://\n@${directory}/common\n@${directory}/none\n`)

  t.match(await check(directory), [/^consumers\/log:4: @none: ENOENT/])
  writeFileSync(join(directory, 'none'), '')
  t.match(await check(directory), [/^common:2: invalid values; Argument: log-level/])
})

// seen to fail without one of the rules
t.test('what does not fit together is told at the second of two, naming the first', async t => {
  const directory = configuration(t, {
    'consumers/mysql': ['--input tcp://127.0.0.1:8610?as=mysql', '--output file:///var/log/x.log', '--dead-letter file:///var/log/y.log'],
    'consumers/other': ['--input tcp://localhost:8610?as=mysql', '--input tcp://127.0.0.1:8600?as=other', '--input tcp://10.0.0.1:8610?as=third', '--input tcp://10.0.0.1:1?as=o', '--output file:///var/log/y.log'],
    'forwarders/a': ['--input udp://0.0.0.0:8421', '--output tcp://127.0.0.1:8610?journal=all&replay=8710&subscribers=mysql,nobody', '--output tcp://127.0.0.1:8600'],
    'forwarders/b': ['--input udp://127.0.0.1:8421', '--input http://*:8710', '--output tcp://*:8500?journal=all&replay=8501&insecure=true', '--output tcp://127.0.0.1:8600', '--output tcp://127.0.0.1:0', '--output tcp://127.0.0.1:0'],
    'forwarders/c': ['--input tcp://127.0.0.1:9999?as=c', '--input tcp://127.0.0.1:8620?as=c', '--output tcp://10.0.0.1:8500?insecure=true', '--output tcp://127.0.0.1:8500', '--output tcp://127.0.0.2:8502?journal=c&replay=8502', '--output ipc:///run/x', '--input filter:ipc:///run/x?function=no-bots&bind=true'],
    'processors/p': ['--format %q', '--input udp://[::1]:8421', '--output tcp://127.0.0.1:8700?journal=p&replay=8701', '--invalid tcp://127.0.0.1:8700?journal=p&replay=8701']
  })

  const lines = await check(directory)

  t.strictSame(lines.map(line => line.replace(/; [^;]*$/, '')), [
    'consumers/other:1: as=mysql is the name of another subscriber of tcp://localhost:8610: consumers/mysql:1',
    'consumers/other:2: as=other is for a journaled stream, and forwarders/a:3 publishes a plain one',
    'consumers/other:3: warning: no argument file here publishes tcp://10.0.0.1:8610',
    'consumers/other:4: warning: no argument file here publishes tcp://10.0.0.1:1',
    'consumers/other:5: file /var/log/y.log is taken by consumers/mysql:3',
    'forwarders/a:2: warning: no argument file here reads this stream as=nobody, and the journal grows for it until one does',
    'forwarders/b:1: udp port 8421 is taken by forwarders/a:1',
    'forwarders/b:2: tcp port 8710 is taken by forwarders/a:2',
    'forwarders/b:3: journal "all" has the name of another: forwarders/a:2',
    'forwarders/b:4: tcp port 8600 is taken by forwarders/a:3',
    'forwarders/c:1: warning: no argument file here publishes tcp://127.0.0.1:9999',
    'forwarders/c:3: tcp port 8500 is taken by forwarders/b:3',
    'forwarders/c:4: tcp port 8500 is taken by forwarders/b:3',
    'forwarders/c:5: tcp port 8502 is taken by the stream itself',
    'forwarders/c:7: filter:ipc:///run/x?function=no-bots&bind=true: function "no-bots" is in no plug-in',
    'forwarders/c:7: socket /run/x is taken by forwarders/c:6'
  ])
  t.strictSame((await problemsOfFiles(filesIn(directory), { all: false, isWhole: false })).filter(({ severity }) => severity === 'warning'), [], 'what is not named may be beside it')
})

// seen to fail without the rule
t.test('numbers by sequence beside a consumer that shares a lease are warned of', async t => {
  const forwarder = (...count: string[]): string[] => ['--input udp://127.0.0.1:8421', '--output file:///var/log/x.log', ...count]
  const warned = async (output: string, ...count: string[]): Promise<string[]> => {
    const directory = configuration(t, { 'consumers/mysql': ['--input udp://127.0.0.1:8422', `--output ${output}`], 'forwarders/a': forwarder(...count) })
    return (await check(directory)).filter(line => line !== '')
  }
  const leased = 'mysql://127.0.0.1/log?lease=events'

  t.match(await warned(leased, '--count'), [/^forwarders\/a:3: warning: --count numbers .* consumers\/mysql:2 shares a lease .*; give --count-by content$/])
  t.match(await warned(leased, '--count', '--count-by sequence'), [/^forwarders\/a:3: warning/])
  for (const count of [['--count', '--count-by content'], ['--count', '--count-increment 2', '--count-offset 1'], []]) t.strictSame(await warned(leased, ...count), [], count.join(' '))
  t.strictSame(await warned('mysql://127.0.0.1/log', '--count'), [])
})

// seen to fail when --all looks at nothing else
t.test('with --all, what the files lead to is looked at: registry, schemas, opt-out, credentials', async t => {
  const directory = configuration(t, {
    'registry.yaml': ['operators: nobody', 'schemas:', '  Good:', '    sampling: { rate: 2 }'],
    'schemas/Good/1.yaml': 'type: object\n',
    'schemas/Torn/1.yaml': ['type: object', 'properties:', '  a: [', '  b: c'],
    'schemas/Far/1.json': '{"type":"object","properties":{"a":{"$ref":"http://example.org/a.json"}}}',
    'schemas/Misplaced.json': '{}',
    optout: 'not a list\n'
  })
  const common = [`--registry ${directory}/registry.yaml`, `--schemas ${directory}/schemas`, `--optout ${directory}/optout`]
  for (const [name, lines] of [
    ['processors/p', ['--format %q', '--input stdin://', '--output stdout://', ...common]],
    ['consumers/mysql', ['--input stdin://', `--output mysql://127.0.0.1/log?defaults-file=${directory}/my.cnf`, '--schemas /nonexistent']]
  ] as const) {
    mkdirSync(dirname(join(directory, name)), { recursive: true })
    writeFileSync(join(directory, name), `${lines.join('\n')}\n`)
  }

  t.strictSame(await check(directory), [''])
  const { code, lines } = run(directory, '--all')
  t.equal(code, 78)
  t.match(lines, [
    /^consumers\/mysql:2: defaults-file my\.cnf cannot be read/,
    /^consumers\/mysql:3: --schemas \/nonexistent: ENOENT/,
    /^processors\/p:6: --optout .*: the list is damaged/,
    /^registry\.yaml:1: operators: "nobody" is wrong/,
    /^registry\.yaml:4: schemas\/Good\/sampling\/rate: 2 is wrong/,
    /^schemas\/Far\/1\.json: the schema is refused: /,
    /^schemas\/Misplaced\.json: warning: file in a schema directory is not named/,
    /^schemas\/Torn\/1\.yaml:\d: the schema is refused: line \d, column/,
    /^7 mistakes, 1 warning; 2 argument files$/
  ])
})

t.test('keys of streams are looked at with --all, each in its line; without it they need not be there', async t => {
  const directory = configuration(t, {})
  const keys = streamKeys(directory)
  const [open, torn, two] = ['open.secret', 'torn', 'two'].map(name => join(directory, name)) as [string, string, string]
  writeFileSync(open, readFileSync(keys.server.secretFile), { mode: 0o644 })
  writeFileSync(torn, `# clients\n${keys.client.publicKey} good\nno key\n`)
  writeFileSync(two, `${keys.server.publicKey}\n${keys.client.publicKey}\n`)
  mkdirSync(join(directory, 'forwarders'))
  writeFileSync(join(directory, 'forwarders/outside'), [
    `--input tcp://collector.example.org:1?curve=${keys.client.secretFile}&server-key=${two}`,
    `--output tcp://*:2?curve=${directory}/none.secret&clients=${keys.clientsFile}`,
    `--output tcp://*:3?curve=${open}&clients=${keys.clientsFile}`,
    `--output tcp://*:4?curve=${keys.server.secretFile}&clients=${torn}`,
    `--output filter:tcp://*:5?curve=${keys.server.publicFile}&clients=${keys.clientsFile}&function=f`,
    `--output tcp://*:6?journal=all&${keys.bound}`
  ].join('\n'))

  t.same((await check(directory)).filter(line => !line.includes(': warning:')), [
    `forwarders/outside:5: filter:tcp://*:5?curve=${keys.server.publicFile}&clients=${keys.clientsFile}&function=f: function "f" is in no plug-in; there are: none (name their directory with --plugins)`
  ].map(line => line.replaceAll(`${directory}/`, '')))
  t.match((await check(directory, { all: true })).filter(line => !/: warning:|plug-in/.test(line)), [
    /^forwarders\/outside:1: server-key two has 2 keys/,
    /^forwarders\/outside:2: curve none\.secret cannot be read: there is no such file.*LoadCredential=none\.secret:/,
    /^forwarders\/outside:3: curve open\.secret has mode 0644.*chmod 0640 /,
    /^forwarders\/outside:4: clients torn has no public key in line 3/,
    /^forwarders\/outside:5: curve server\.public has mode 0644/
  ])
})

t.test('files that are named are looked at alone: what others may have is not missed; a folder says for which daemon', async t => {
  const directory = configuration(t, { 'consumers/a': ['--input tcp://127.0.0.1:1?as=a', '--output stdout://', '--foo'], 'consumers/b': ['--bar'], elsewhere: '' })

  t.match(run(directory, join(directory, 'consumers', 'a')), { code: 78, lines: [/^consumers\/a:3: unknown argument: foo/, '1 mistake; 1 argument file'] })
  await t.rejects(check(directory, { files: [join(directory, 'elsewhere')] }), { message: /elsewhere is in no folder that says which daemon it is for; name a file in forwarders, processors, consumers, monitors/ })
  t.throws(() => filesIn(join(directory, 'none')), { message: /--config .*none: ENOENT/ })
})

t.test('for programs there is JSON', async t => {
  const directory = configuration(t, { 'consumers/a': ['--input tcp://127.0.0.1:1?as=a', '--output stdout://', '--foo'] })
  const { status, stdout } = spawnSync(process.execPath, [executable, 'config', 'check', '--json', '--config', directory], { encoding: 'utf8' })

  t.equal(status, 78)
  t.match(JSON.parse(stdout), [{ file: join(directory, 'consumers/a'), line: 1, severity: 'warning' }, { line: 3, severity: 'error', message: /^unknown argument/ }])
})

// seen to fail with lines for people
t.test('for the journal there are lines of a log, and none if all is good', async t => {
  const directory = configuration(t, { 'consumers/a': ['--input tcp://127.0.0.1:1?as=a', '--output stdout://', '--foo'], 'consumers/b': ['--input stdin://', '--output stdout://'] })
  const { code, lines } = run(directory, '--log')

  t.equal(code, 78)
  t.match(lines.map(line => JSON.parse(line) as unknown), [
    { level: 'warn', message: /^consumers\/a:1: warning: no argument file here publishes / },
    { level: 'error', message: /^consumers\/a:3: unknown argument: foo/ }
  ])
  t.strictSame(run(directory, '--log', join(directory, 'consumers', 'b')), { code: 0, lines: [''] })
})

// seen to fail when that is a mistake
t.test('a file with a secret that this user may not read is no mistake, and is said to be not looked at', { skip: process.geteuid?.() === 0 ? false : 'needs root, to give a file to somebody else' }, async t => {
  const directory = configuration(t, { 'my.cnf': '[client]\npassword = x\n', 'consumers/mysql': '' })
  writeFileSync(join(directory, 'consumers', 'mysql'), `--input stdin://\n--output mysql://127.0.0.1/log?defaults-file=${directory}/my.cnf\n`)
  chmodSync(join(directory, 'my.cnf'), 0o600)

  t.strictSame(await check(directory, { all: true, files: filesIn(directory) }), [''])
  process.seteuid?.(nobody)
  const lines = await check(directory, { all: true }).finally(() => { process.seteuid?.(0) })
  t.match(lines, [/^consumers\/mysql:2: warning: EACCES: permission denied, open 'my\.cnf': this user may not read it, and it is not looked at; check as root$/])
})

// seen to fail without the file of backups, and with it where files are named
t.test('what is backed up is looked at with --all, and not when files are named, as before a daemon starts', async t => {
  const directory = configuration(t, { 'forwarders/a': ['--input udp://127.0.0.1:8421', '--output stdout://'] })
  const [backup, cnf] = ['backup.yaml', 'backup.cnf'].map(name => join(directory, name)) as [string, string]
  const told = async (): Promise<string[]> => linesOf(directory, (await problemsOfFiles(filesIn(directory), { all: true, isWhole: true, backup: { file: backup, isNamed: true } })).map(problemText).join('\n'))

  t.match(await told(), [/^backup\.yaml: .*cannot be read: ENOENT/])
  writeFileSync(backup, `files: [/var/log]\ntables: mysql://127.0.0.1/log?defaults-file=${cnf}\nto: relative\ndestinations: []\n`)
  t.match(await told(), [/^backup\.yaml:3: to: "relative" is wrong; give the absolute path/])
  t.match(run(directory, '--all', '--backup', backup), { code: 78, lines: [/^backup\.yaml:3: to: "relative" is wrong/, '1 mistake; 1 argument file'] })
  t.match(run(directory, '--all', '--backup', backup, join(directory, 'forwarders', 'a')), { code: 0 })
  writeFileSync(backup, `files: [/var/log]\ntables: mysql://127.0.0.1/log?defaults-file=${cnf}\nto: /var/backups/x\ndestinations: [/nonexistent/disk]\n`)
  t.match((await told()).sort(), [/backup\.cnf cannot be read: there is no such file/, /warning: destinations: \/nonexistent\/disk is no directory that is there/])
  writeFileSync(cnf, '[client]\npassword = x\n')
  chmodSync(cnf, 0o644)
  t.match((await told()).sort(), [/everybody on this host may read it/, /warning/])
  chmodSync(cnf, 0o600)
  t.match(await told(), [/warning: destinations/])
})
