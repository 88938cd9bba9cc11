import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { vanadium, vanadiumctl } from '../../commands.js'
import { bashCompletion } from '../../packaging/completion/completion.js'
import { kindOf, wordsOf } from '../../packaging/completion/kinds.js'
import { listCommands, optionsOf, takesValue } from '../../packaging/listed.js'

const directory = mkdtempSync(join(tmpdir(), 'v-completion-'))
t.teardown(() => { rmSync(directory, { recursive: true }) })
const places = { schemas: join(directory, 'schemas'), config: join(directory, 'vanadium.d'), state: join(directory, 'state') }
const schemes = { readers: ['tcp', 'file', 'stdin', 'filter'], writers: ['tcp', 'file', 'mysql', 'sqlite'] }
for (const path of ['schemas/NavigationTiming', 'schemas/DemoButtonClick', 'vanadium.d/consumers', 'vanadium.d/forwarders', 'state', 'bin']) mkdirSync(join(directory, path), { recursive: true })
for (const path of ['vanadium.d/consumers/mysql', 'vanadium.d/consumers/mysql.dpkg-old', 'vanadium.d/consumers/files~', 'vanadium.d/forwarders/client-side', 'state/consumer-mysql.sqlite', 'state/consumer-mysql.sqlite-wal', 'a file.json', 'args']) writeFileSync(join(directory, path), '')
// whatever the script starts would be seen
for (const name of ['node', 'vanadium', 'ls', 'sed', 'awk']) {
  writeFileSync(join(directory, 'bin', name), '#!/bin/sh\ntouch "$0.was-started"\n')
  chmodSync(join(directory, 'bin', name), 0o755)
}

writeFileSync(join(directory, 'vanadium.bash'), await bashCompletion(vanadium, schemes, places))
writeFileSync(join(directory, 'vanadiumctl.bash'), await bashCompletion(vanadiumctl, schemes, places))

t.test('commands, those under a name, and their options', async t => {
  const names = Object.keys(vanadium.commands)

  t.strictSame(complete('vanadium '), [...names, '--help', '--version'].sort())
  t.strictSame(complete('vanadium cons'), ['consumer'])
  t.strictSame(complete('vanadium journal '), ['--help', 'check', 'export', 'forget', 'ls', 'salvage', 'tail'])
  t.strictSame(complete('vanadium journal export --s'), ['--schemas', '--schemas-url', '--since', '--state', '--statsd'])
  t.strictSame(complete('vanadium journal tail -'), complete('vanadium journal tail --').concat(['-n', '-f']).sort(), 'short ones too')
  t.strictSame(complete('vanadium nonsense '), [])
  t.strictSame(complete('LANG=C vanadium cons'), ['consumer'])
})

t.test('every option of every command', async t => {
  for (const program of [vanadium, vanadiumctl]) {
    for (const command of (await listCommands(program)).flatMap(({ commands }) => commands)) {
      const { own, common } = optionsOf(command)

      const offered = complete(`${program.name} ${command.name} --`)

      t.strictSame(offered, [...own, ...common].map(({ name }) => `--${name}`).concat(['--help', '--version']).sort(), command.name)
    }
  }
})

t.test('values: choices, also after =, schemes, paths after them, schemas, instances that have a state', async t => {
  t.strictSame(complete('vanadium ledger --by '), ['day', 'hour', 'minute', 'total'])
  t.strictSame(complete('vanadium ledger --by=to'), ['total'], 'bash takes = for the end of a word')
  t.strictSame(complete('vanadium consumer --log-level w'), ['warn'])
  t.strictSame(complete('vanadium consumer --input '), ['file://', 'filter:', 'stdin://', 'tcp://'])
  t.strictSame(complete('vanadium consumer --input stdin:// t'), ['tcp://'], 'several')
  t.strictSame(complete('vanadium consumer --output \'my'), ['mysql://'])
  t.strictSame(complete('vanadium consumer --output sqlite:'), ['//'], 'bash takes : for the end of a word')
  t.strictSame(complete(`vanadium consumer --output file://${directory}/ar`), [`//${directory}/args`])
  t.strictSame(complete('vanadium monitor --input raw=t'), ['tcp://'])
  t.strictSame(complete('vanadium check canary --read '), ['mysql://', 'sqlite://'])
  t.strictSame(complete('vanadium registry show Nav'), ['NavigationTiming'], 'an argument without an option')
  t.strictSame(complete('vanadium ledger --by total --schema '), ['DemoButtonClick', 'NavigationTiming'])
  t.strictSame(complete('vanadium journal ls --instance '), ['consumer-mysql'])
  t.strictSame(complete('vanadium ledger --from '), [], 'nothing is known')
})

t.test('files and directories, argument files among them', async t => {
  t.strictSame(complete(`vanadium explain --line-file ${directory}/a`), [`${directory}/a file.json`, `${directory}/args`])
  t.strictSame(complete(`vanadium consumer --state ${directory}/s`), [`${directory}/schemas`, `${directory}/state`])
  t.strictSame(complete(`vanadium consumer @${directory}/ar`), [`${directory}/args`], 'bash takes @ for the end of a word')
  t.strictSame(complete('vanadium forwarder @'), [`${places.config}/forwarders/client-side`])
})

t.test('vanadiumctl: roles and instances that argument files define', async t => {
  t.strictSame(complete('vanadiumctl '), [...Object.keys(vanadiumctl.commands), '--help', '--version'].sort())
  t.strictSame(complete('vanadiumctl restart '), ['consumers', 'consumers/mysql', 'forwarders', 'forwarders/client-side'])
  t.strictSame(complete('vanadiumctl restart forwarders cons'), ['consumers', 'consumers/mysql'])
  t.strictSame(complete('vanadiumctl start --d'), ['--dry-run'])
})

t.test('nothing is started', async t => {
  complete('vanadium consumer --')
  complete('vanadium registry show Nav')
  const seen = spawnSync('find', [directory, '-name', '*.was-started'], { encoding: 'utf8' })

  t.equal(seen.stdout, '')
})

t.test('of every option that takes a file, a directory or a stream, that is known', async t => {
  for (const { commands } of await listCommands(vanadium)) {
    for (const command of commands) {
      const { own, common } = optionsOf(command)
      for (const option of [...own, ...common].filter(takesValue)) {
        const says = option.description ?? ''
        const isPath = /^(the |private |public )?(files?|director(y|ies))\b/i.test(says) || (typeof option.default === 'string' && option.default.startsWith('/'))
        if (isPath) t.match(kindOf(option), /^(file|directory|schema)$/, `${command.name} --${option.name}: ${says}`)
        if (/^(the )?file\b/i.test(says)) t.equal(kindOf(option), 'file', `${command.name} --${option.name}: ${says}`)
        if (/^stream URI/i.test(says)) t.match(kindOf(option), /^(reader|writer)$/, `${command.name} --${option.name}`)
      }
      t.notMatch(wordsOf(command), /['\n]/, 'it stands between quotes')
    }
  }
})

/** What bash would offer for a line with the cursor at its end, in order. */
function complete (line: string): string[] {
  const [program = ''] = /vanadium(ctl)?(?= )/.exec(line) ?? []
  const script = `
    source "$1"
    COMP_LINE=$2 COMP_POINT=\${#2}
    # as readline divides it; the function looks at the first only
    COMP_WORDS=(${program})
    _${program}
    printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout, stderr, status } = spawnSync('bash', ['--norc', '--noprofile', '-u', '-c', script, 'bash', join(directory, `${program}.bash`), line], {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${join(directory, 'bin')}:${process.env['PATH'] ?? ''}`, LC_ALL: 'C' }
  })
  t.equal(stderr, '', line)
  t.equal(status, 0, line)
  return stdout.split('\n').filter(text => text !== '').sort()
}
