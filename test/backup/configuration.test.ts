import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { destinationName, inspectBackup, openBackup } from '../../lib/backup/configuration.js'
import { projectRoot } from '../helpers/shared.js'

function file (t: Test, text: string): string {
  const path = join(t.testdir(), 'backup.yaml')
  writeFileSync(path, text)
  return path
}

function mistakes (t: Test, text: string): string[] {
  return inspectBackup(file(t, text)).problems.map(({ line, text }) => `${line ?? '-'}: ${text}`)
}

t.test('a configuration says what is backed up, and where to', async t => {
  const path = file(t, `
files: [/var/log/vanadium/*.log*, /srv/archive/]
tables: mysql://backup@127.0.0.1/log?defaults-file=/etc/vanadium/backup.cnf
destinations:
  - /backup/vanadium
  - rsync: backup@b.example.org:vanadium
  - { rsync: 'rsync://b.example.org/vanadium', password-file: /etc/vanadium/rsync-password }
to: /var/backups/vanadium
oldest-days: 400
`)

  const configuration = openBackup(path)

  t.match(configuration, {
    file: path,
    files: ['/var/log/vanadium/*.log*', '/srv/archive/'],
    tables: { uri: { scheme: 'mysql', user: 'backup', path: '/log' }, defaultsFile: '/etc/vanadium/backup.cnf' },
    destinations: [
      { kind: 'directory', path: '/backup/vanadium' },
      { kind: 'rsync', to: 'backup@b.example.org:vanadium', passwordFile: null },
      { kind: 'rsync', to: 'rsync://b.example.org/vanadium', passwordFile: '/etc/vanadium/rsync-password' }
    ],
    to: '/var/backups/vanadium',
    oldestDays: 400
  })
  t.strictSame(configuration.destinations.map(destinationName), ['/backup/vanadium', 'backup@b.example.org:vanadium', 'rsync://b.example.org/vanadium'])
})

t.test('the example that is shipped is good, also with everything that is commented out', async t => {
  const text = readFileSync(join(projectRoot, 'etc', 'vanadium', 'backup.yaml.example'), 'utf8')

  t.strictSame(mistakes(t, text), [])
  const whole = text.replace(/^#( +- .*| {4}password-file.*|oldest-days.*| oldest-days.*)$/gm, (_all, line: string) => line.replace(/^ (?=oldest)/, ''))
  t.not(whole, text)
  t.match(inspectBackup(file(t, whole)), { problems: [], configuration: { destinations: { length: 3 }, files: { length: 2 }, oldestDays: 400 } })
})

t.test('every mistake is told with its line, what came and what is allowed', async t => {
  t.match(mistakes(t, `
files: [/a*/b, relative]
tables: sqlite:///x
destinations: [relative, { rsync: nowhere }, { sync: a:b }]
to: /var/backups/vanadium/
oldest: 3
`), [
    /^2: files\/1: "relative" is wrong; give absolute paths/,
    /^3: tables: what is given is wrong; give a database, as mysql:/,
    /^4: destinations\/0: .* is wrong; give the absolute path of a directory that is there, or rsync:/,
    /^4: destinations\/1\/rsync: .* is wrong; give what rsync takes/,
    /^4: destinations\/2: there is no "sync"; allowed are rsync, password-file/,
    /^4: destinations\/2: .* has no "rsync"/,
    /^5: to: "\/var\/backups\/vanadium\/" is wrong; give the absolute path of a directory/,
    /^6: at the top: there is no "oldest"; allowed are files, tables, destinations, to, oldest-days/
  ].sort())
  t.match(mistakes(t, 'to: /x\n'), [/has no "destinations"; give destinations and to/])
  t.match(mistakes(t, 'to: [\n'), [/^2: .*give YAML/])
  t.match(inspectBackup('/nonexistent/backup.yaml').problems, [{ line: null, text: /cannot be read: ENOENT.*; give a file as etc\/vanadium\/backup.yaml/ }])
  t.throws(() => openBackup('/nonexistent/backup.yaml'), { name: 'ConfigError' })
})

t.test('what does not fit together is a mistake', async t => {
  const base = 'to: /backup/here\n'
  t.match(mistakes(t, `${base}destinations: []\n`), [/files: there is nothing to back up/])
  t.match(mistakes(t, `${base}destinations: []\nfiles: [/a*/b]\n`), [/^3: files\/0: "\/a\*\/b": only the last part of a path/])
  t.match(mistakes(t, `${base}destinations: []\nfiles: [/backup]\n`), [/a backup would be backed up/])
  t.strictSame(mistakes(t, `${base}destinations: []\nfiles: [/backup/*.log, /back, /backup/here-too]\n`), [])
  for (const other of ['/backup', '/backup/here', '/backup/here/copy', '/backup/x/../here']) t.match(mistakes(t, `${base}files: [/a]\ndestinations: [${other}]\n`), [/are in each other/], other)
  t.match(mistakes(t, `${base}files: [/a]\ndestinations: [{ rsync: 'a:b', password-file: /p }]\n`), [/destinations\/0\/password-file: ssh takes no password/])
  const [secret = '', ...others] = mistakes(t, `${base}files: [/a]\ndestinations: [{ rsync: 'rsync://me:secret@b.example.org/x' }, { rsync: 'rsync://me@b.example.org:873/x' }]\n`)
  t.match(secret, /destinations\/0\/rsync: it has a password.*; write it into a file, and name that by password-file$/)
  t.notMatch(secret, /secret/)
  t.strictSame(others, [])
  const tables = (uri: string): string[] => mistakes(t, `${base}destinations: []\ntables: ${uri}\n`)
  t.match(tables('mysql://127.0.0.1'), [/names no database/])
  t.match(tables('mysql://127.0.0.1/log?lease=x'), [/there is no option "lease"; allowed is defaults-file/])
  t.match(tables('mysql://127.0.0.1/log?defaults-file=/a&defaults-file=/b'), [/twice/])
  const [password = ''] = tables('mysql://u:secret@127.0.0.1/log')
  t.match(password, /has a password; write it into a my.cnf file/)
  t.notMatch(password, /secret/)
})

t.test('nothing that rsync would take for an option, or for two arguments, is a destination', async t => {
  for (const bad of ['-e sh:x', '--rsh=x:y', 'a b:c', 'plain']) t.match(mistakes(t, `to: /x\nfiles: [/a]\ndestinations: [{ rsync: '${bad}' }]\n`), [/destinations\/0\/rsync/], bad)
  t.strictSame(mistakes(t, "to: /x\nfiles: [/a]\ndestinations: [{ rsync: 'host:a b' }, { rsync: '[::1]:x' }, { rsync: 'host::module/x' }]\n"), [])
})
