import { execFile } from 'node:child_process'
import { chmodSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { expandArguments } from '../lib/cli/arguments.js'
import { replay } from '../tools/replay.js'
import { executable } from './helpers/daemon.js'
import { projectRoot } from './helpers/shared.js'
import { checkTopology, publishedBy } from './helpers/topology.js'

const run = promisify(execFile)
const roles = ['forwarder', 'processor', 'consumer', 'monitor']
const instances = roles.flatMap(role => readdirSync(folder(role)).map(name => ({ role, name, file: join(folder(role), name) })))
const members = [
  ...instances.map(({ role, name, file }) => ({
    daemon: role,
    name,
    inputs: valuesOf(file, '--input').map(uri => uri.replace(/^[\w-]+=/, '')),
    outputs: [...valuesOf(file, '--output'), ...valuesOf(file, '--invalid')]
  })),
  { daemon: 'replay', name: 'replay', inputs: [], outputs: replay.options.output.default }
]

t.test('every argument file is one that its daemon takes', async t => {
  t.ok(instances.length >= 10, 'the production topology')
  const credentials = t.testdir({ 'my.cnf': '[client]\npassword = x\n' })
  chmodSync(join(credentials, 'my.cnf'), 0o400)
  await Promise.all(instances.map(async ({ role, name, file }) => {
    const checked = run(process.execPath, [executable, role, '--name', name, '--config-check', `@${file}`], { env: { ...process.env, CREDENTIALS_DIRECTORY: credentials } })

    await t.resolves(checked, `${role}s/${name}`)
  }))
})

// seen to fail with another port, journal or name in an input or output, and with a replay port that is used already
t.test('every stream that is read is published by one daemon, journaled where it is read under a name', async t => {
  checkTopology(t, members)
})

// seen to fail with a name too few and one too many
t.test('a publisher names those who read its journal, so that nothing is pruned before they first come; but no monitor, for which nothing should wait where it never ran', async t => {
  for (const { uri, by, address, journal } of publishedBy(members).filter(({ by, journal }) => journal !== undefined && by !== 'replay replay')) {
    const named = /[?&]subscribers=([^&]*)/.exec(uri)?.[1]?.split(',') ?? []
    const reading = members.filter(({ daemon, inputs }) => daemon !== 'monitor' && inputs.some(input => input.startsWith(`${address}?as=`))).map(({ name }) => name)

    t.strictSame(named.sort(), reading.sort(), `${by}: ${journal}`)
  }
})

// seen to fail with a processor that has no plain --invalid
t.test('each daemon that publishes a journaled stream publishes the same as a plain one, and what is invalid on both', async t => {
  for (const { role, name, file } of instances.filter(({ file }) => valuesOf(file, '--output').some(isTcp))) {
    const outputs = valuesOf(file, '--output')
    const invalid = valuesOf(file, '--invalid')

    t.equal(outputs.filter(isTcp).length, 2, `${role} ${name}`)
    t.equal(outputs.filter(uri => uri.includes('journal=')).length, 1, `${role} ${name}`)
    if (invalid.length > 0) t.strictSame(invalid, outputs, `${role} ${name}`)
  }
})

// seen to fail with another replay port in an argument file, and without a row
t.test('docs/operations.md has the ports, which follow its rule', async t => {
  const operations = readFileSync(join(projectRoot, 'docs', 'operations.md'), 'utf8')
  const published = publishedBy(members)

  for (const { by, address, port, journal, replay } of published.filter(({ journal }) => journal !== undefined)) {
    const plain = published.find(stream => stream.by === by && stream.journal === undefined)
    t.equal(replay, 8700 + port % 100, address)
    t.ok(operations.includes(`\n| ${plain === undefined ? '–' : plain.port} | ${port} | ${replay} | \`${journal}\` |`), `${by}: ${journal}`)
  }
})

t.test('the configuration of StatsD gives flat names', async t => {
  const source = readFileSync(join(projectRoot, 'examples', 'statsd', 'config.js'), 'utf8')
  // as StatsD itself reads it
  const { graphite, deleteCounters, deleteGauges } = runInNewContext(`config = ${source}`) as Record<string, unknown>

  t.match(graphite, { legacyNamespace: false, globalPrefix: '', prefixCounter: '', prefixGauge: '' })
  t.match({ deleteCounters, deleteGauges }, { deleteCounters: false, deleteGauges: true })
})

function folder (role: string): string {
  return join(projectRoot, 'etc', 'vanadium.d', `${role}s`)
}

function isTcp (uri: string): boolean {
  return uri.startsWith('tcp:')
}

function valuesOf (file: string, option: string): string[] {
  const args = expandArguments([`@${file}`])
  return args.filter((_arg, i) => args[i - 1] === option)
}
