import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { executable, startReady } from '../helpers/daemon.js'
import { until } from '../helpers/wait.js'

interface Result {
  readonly code: number
  readonly out: string
  /** Messages of the log. */
  readonly errors: string
}

interface Place {
  readonly directory: string
  readonly file: string
  /** Runs `vanadium registry …` with a script as the editor. */
  run (args: readonly string[], editor?: string): Promise<Result>
  log (): Promise<Array<Record<string, unknown>>>
}

function place (t: Test, text: string): Place {
  const directory = t.testdir({ 'registry.yaml': text, state: {}, tmp: {} })
  const file = join(directory, 'registry.yaml')
  async function run (args: readonly string[], editor = 'false'): Promise<Result> {
    const { VISUAL: _visual, SUDO_USER: _sudo, ...env } = process.env
    return await new Promise(resolve => {
      const child = execFile(process.execPath, [executable, 'registry', ...args, '--registry', file, '--state', join(directory, 'state')],
        { env: { ...env, EDITOR: editor, TMPDIR: join(directory, 'tmp'), SUDO_USER: 'ann' } }, (error, out, stderr) => {
          const errors = stderr.split('\n').filter(line => line !== '').map(line => (JSON.parse(line) as { message: string }).message).join('\n')
          resolve({ code: error === null ? 0 : Number(error.code), out, errors })
        })
      child.stdin?.end()
    })
  }
  return {
    directory,
    file,
    run,
    async log () {
      const { out } = await run(['log', '--json'])
      return out.split('\n').filter(line => line !== '').map(line => JSON.parse(line) as Record<string, unknown>)
    }
  }
}

/** Whom `registry edit` takes for the one who sits there. */
const me = userInfo().uid === 0 ? `ann (as ${userInfo().username})` : userInfo().username

t.test('check says all that is wrong, a line each, and what it has read', async t => {
  const { directory, file, run } = place(t, 'operators: [ops@example.org]\nschemas:\n  A: { owners: [a@b.org], sampling: { rate: 0.1 } }\n')
  mkdirSync(join(directory, 'registry.d'))
  const fragment = join(directory, 'registry.d', 'team.yaml')
  writeFileSync(fragment, 'schemas:\n  B: { retention: { days: 400, reason: study, until: 2999-12-31 } }\n')
  t.strictSame(await run(['check']), { code: 0, out: 'good; 2 files: 2 schemas, 1 with owners, 1 sampled, 1 kept for longer\n', errors: '' })

  writeFileSync(file, 'operatars: []\nschemas:\n  A: { owners: [{ name: Ann }], sampling: { rate: 10 } }\n')
  writeFileSync(fragment, 'schemas:\n  B: { retention: { days: 400, reason: study, until: 2015-01-07 } }\n')
  const { code, out, errors } = await run(['check'])
  t.match({ code, errors }, { code: 78, errors: '' })
  t.match(out.split('\n'), [
    `${file}:1: at the top: there is no "operatars"; allowed are operators, mail`,
    `${file}:3: schemas/A/owners/0: {"name":"Ann"} has no "mail"; give mail`,
    `${file}:3: schemas/A/sampling/rate: 10 is wrong; give a number from 0 to 1`,
    `${fragment}:2: schemas/B/retention/until: "2015-01-07" has passed`,
    '4 mistakes; 2 files: 1 schema, 0 with owners, 0 sampled, 0 kept for longer', ''
  ])
})

t.test('an end date that has passed fails --config-check, and no daemon at its start', async t => {
  const { file, directory } = place(t, 'schemas:\n  A: { retention: { days: 400, reason: study, until: 2015-01-07 } }\n')
  const daemon = ['forwarder', '--registry', file, '--state', join(directory, 'state'), '--input', 'stdin://', '--output', 'stdout://']
  const run = async (...args: string[]): Promise<Result> => await new Promise(resolve => {
    execFile(process.execPath, [executable, ...daemon, ...args], (error, out, errors) => { resolve({ code: error === null ? 0 : Number(error.code), out, errors }) }).stdin?.end()
  })

  t.match(await run('--config-check'), { code: 78, errors: /registry\.yaml:2: .*has passed/ })
  t.match(await run(), { code: 0, errors: /"level":"warn".*an end date in the registry has passed/ })
})

t.test('show has defaults, and what holds for schemas without an entry', async t => {
  const { run } = place(t, 'retention: { days: 60 }\nschemas:\n  A: { owners: [{ name: Ann, mail: a@b.org }], sampling: { rate: 0.1, by: event.token }, retention: { keep: [wiki], anonymise: { event.n: { bucket: 10 } } } }\n')

  const { out } = await run(['show'])
  t.equal(out, `A
  owners              Ann <a@b.org>
  thresholds.invalid  warning 0.05, critical 0.2
  sampling.rate       0.1
  sampling.by         event.token
  retention.days      60
  retention.keep      wiki
  retention.anonymise event.n (bucket 10)

* (all that have no entry)
  thresholds.invalid  warning 0.05, critical 0.2
  sampling.rate       1
  retention.days      60
`)
  const [found] = JSON.parse((await run(['show', 'B', '--json'])).out) as object[]
  t.match(found, { schema: 'B', hasEntry: false, entry: { owners: null, 'retention.days': '60' } })
})

t.test('edit installs what is good, keeps the mode, and the log shows who, when, from and to', async t => {
  const { directory, file, run, log } = place(t, 'schemas:\n  A: { owners: [a@b.org] }\n')
  chmodSync(file, 0o640)
  t.match(await run(['log']), { code: 0, out: /^nothing is recorded in .* yet/ })
  const sinceMs = Date.now()

  const edited = await run(['edit', '--message', 'Ann has left'], "sed -i 's/a@b.org/c@b.org/'")

  t.match(edited, { code: 0, out: /: installed; 1 change recorded\./, errors: '' })
  t.equal(readFileSync(file, 'utf8'), 'schemas:\n  A: { owners: [c@b.org] }\n')
  t.equal(statSync(file).mode & 0o777, 0o640)
  const [change, ...others] = await log()
  t.match(change, { who: me, message: 'Ann has left', schema: 'A', key: 'owners', from: 'a@b.org', to: 'c@b.org' })
  t.strictSame(others, [])
  const timeMs = Date.parse(String(change?.['time']))
  t.ok(timeMs >= sinceMs && timeMs <= Date.now())
  const { out } = await run(['log', 'A'])
  t.match(out, /^WHEN +WHO +SCHEMA +KEY +FROM +TO +WHY\n\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +.* +A +owners +a@b\.org +c@b\.org +Ann has left\nrecorded since .* UTC: 1 change\n$/)

  t.match(await run(['edit', '--fragment', 'team'], "printf 'schemas: { B: { team: b } }' >"), { code: 0, out: /team\.yaml: installed; 1 change recorded/ })
  t.equal(statSync(join(directory, 'registry.d', 'team.yaml')).mode & 0o777, 0o640)
  t.match((await log()).at(-1), { who: me, message: null, schema: 'B', key: 'team', from: null, to: 'b' })
  t.match(await run(['edit'], 'true'), { code: 0, out: /nothing was changed/ })
  t.strictSame(readdirSync(join(directory, 'tmp')), [], 'no copy is left')
  t.strictSame(readdirSync(directory).sort(), ['registry.d', 'registry.yaml', 'state', 'tmp'])
})

t.test('edit installs nothing that is wrong, nor over what somebody else has written, nor when the editor fails', async t => {
  const { directory, file, run, log } = place(t, 'schemas:\n  A: { owners: [a@b.org] }\n')
  const before = readFileSync(file, 'utf8')

  const wrong = await run(['edit'], "sed -i 's/owners/owner/'")
  t.match(wrong, { code: 78, out: `${file}:2: schemas/A: there is no "owner"; allowed are owners, team`, errors: /was not installed: 1 mistake/ })
  t.match(await run(['edit'], 'false'), { code: 78, errors: /the editor "false" failed: it ended with 1; nothing was changed/ })
  t.match(await run(['edit', '--fragment', '../x']), { code: 78, errors: /--fragment "\.\.\/x": give a name/ })
  t.match(await run(['edit', '--message', 'a\nb']), { code: 78, errors: /--message "a\\nb": give one line/ })
  t.equal(readFileSync(file, 'utf8'), before)

  const raced = await run(['edit'], `echo '# theirs' >> ${file}; sed -i 's/a@b/c@b/'`)
  t.match(raced, { code: 78, errors: /has been changed by somebody else meanwhile.*what you wrote is in / })
  t.equal(readFileSync(file, 'utf8'), `${before}# theirs\n`)
  const [, copy = ''] = /what you wrote is in (\S+):/.exec(raced.errors) ?? []
  t.match(readFileSync(copy, 'utf8'), 'c@b.org')
  t.equal(statSync(copy).mode & 0o777, 0o600)
  t.strictSame(await log(), [])

  mkdirSync(join(directory, 'registry.d'))
  writeFileSync(join(directory, 'registry.d', 'team.yaml'), 'nonsense')
  t.match(await run(['edit'], "sed -i 's/a@b/d@b/'"), { code: 0, out: /installed; daemons do not use it before the mistakes in other files are corrected/ })
  t.match(readFileSync(file, 'utf8'), 'd@b.org')
})

t.test('who record at the same time record once', async t => {
  const { file, run, log } = place(t, 'schemas:\n  A: { team: a }\n')
  await run(['record'])
  writeFileSync(file, 'schemas:\n  A: { team: b, volume: 5 }\n')

  const results = await Promise.all(Array.from({ length: 4 }, async () => await run(['record', '--message', 'deployment 4711'])))

  t.strictSame(results.map(({ code, out }) => `${code} ${out}`).sort(), ['0 0 changes recorded\n', '0 0 changes recorded\n', '0 0 changes recorded\n', '0 2 changes recorded\n'])
  t.match(await log(), [
    { schema: 'A', key: 'team', from: 'a', to: 'b', who: 'unknown (found by registry record)', message: 'deployment 4711' }, { schema: 'A', key: 'volume', from: null, to: '5' }
  ])
})

t.test('a monitor records what somebody else has changed, at SIGHUP and at its start, and counts on whatever is wrong with the registry', async t => {
  const { directory, file, log } = place(t, 'schemas:\n  A: { retention: { days: 30 } }\n')
  const args = ['monitor', '--registry', file, '--state', join(directory, 'state'), '--statsd', '127.0.0.1:9', '--name', 'all', '--input', `file://${join(directory, 'events')}?follow=true`]
  writeFileSync(join(directory, 'events'), '')
  const monitor = await startReady(t, ...args)

  writeFileSync(file, 'schemas:\n  A: { retention: { days: 60 } }\n')
  monitor.child.kill('SIGHUP')
  t.match(await monitor.logged('the registry has changed'), { changes: 1, schemas: ['A'] })
  t.match(await log(), [{ who: 'unknown (found by monitor all)', message: null, schema: 'A', key: 'retention.days', from: '30', to: '60' }])
  writeFileSync(file, 'nonsense')
  monitor.child.kill('SIGHUP')
  await until('both reloads are over', () => monitor.log.filter(({ message }) => message === 'reloaded').length === 2)
  t.equal(await monitor.stop(), 0)

  writeFileSync(file, '')
  const again = await startReady(t, ...args)
  t.match((await log()).at(-1), { schema: 'A', key: 'retention.days', from: '60', to: '90' })
  t.equal(await again.stop(), 0)
})
