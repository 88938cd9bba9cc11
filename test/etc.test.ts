import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { expandArguments } from '../lib/cli/arguments.js'
import { replay } from '../tools/replay.js'
import { executable } from './helpers/daemon.js'
import { projectRoot } from './helpers/shared.js'

const run = promisify(execFile)
const roles = ['forwarder', 'processor', 'consumer', 'monitor']
const instances = roles.flatMap(role => readdirSync(folder(role)).map(name => ({ role, name, file: join(folder(role), name) })))

t.test('every argument file is one that its daemon takes', async t => {
  t.ok(instances.length >= 10, 'the production topology')
  await Promise.all(instances.map(async ({ role, name, file }) => {
    const checked = run(process.execPath, [executable, role, '--name', name, '--config-check', `@${file}`])

    await t.resolves(checked, `${role}s/${name}`)
  }))
})

t.test('every stream that is read is published by one daemon', async t => {
  const published = [...instances.flatMap(({ file }) => valuesOf(file, '--output')), ...replay.options.output.default].map(withoutOptions)

  for (const { role, name, file } of instances) {
    for (const input of valuesOf(file, '--input').map(uri => uri.replace(/^[\w-]+=/, '')).filter(uri => uri.startsWith('tcp:'))) {
      t.equal(published.filter(uri => uri === withoutOptions(input)).length, 1, `${role}s/${name} reads ${input}`)
    }
  }
})

t.test('the configuration of StatsD gives flat names', async t => {
  const source = readFileSync(join(projectRoot, 'etc', 'statsd', 'config.js'), 'utf8')
  // as StatsD itself reads it
  const { graphite, deleteCounters, deleteGauges } = runInNewContext(`config = ${source}`) as Record<string, unknown>

  t.match(graphite, { legacyNamespace: false, globalPrefix: '', prefixCounter: '', prefixGauge: '' })
  t.match({ deleteCounters, deleteGauges }, { deleteCounters: false, deleteGauges: true })
})

function folder (role: string): string {
  return join(projectRoot, 'etc', 'vanadium.d', `${role}s`)
}

/** Who reads a stream under a name writes other options than who publishes it. */
function withoutOptions (uri: string): string {
  return uri.replace(/\?.*/, '')
}

function valuesOf (file: string, option: string): string[] {
  const args = expandArguments([`@${file}`])
  return args.filter((_arg, i) => args[i - 1] === option)
}
