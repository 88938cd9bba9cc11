import t from 'tap'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from '../../../lib/errors.js'
import { readDefaultsFile } from '../../../lib/sql/mysql/defaults-file.js'
import { connectionOptions } from '../../../lib/sql/mysql/session.js'
import { parseUri } from '../../../lib/stream/uri.js'
import { startDaemon } from '../../helpers/daemon.js'

t.test('the groups of clients are read as the MySQL clients read them, what comes later wins', async t => {
  const directory = t.testdir({
    'my.cnf': [
      'user = nobody', '[mysqld]', 'user=mysql', '[client]', '# a comment', '; another', 'user = eventlogging',
      'password="p#ss\\"word \\\\ \\x"  # not part of it', "host = 'db.example.org'", 'port=3307 # default is 3306', 'ssl_ca=/etc/ca.pem', 'compress', '', '[mysql]', 'user=x', '[client-server]', 'Port=3308',
      '[vanadium]', 'skip-ssl', 'loose-skip_ssl-verify-server-cert'
    ].join('\r\n')
  })

  chmodSync(join(directory, 'my.cnf'), 0o600)

  t.strictSame([...readDefaultsFile(join(directory, 'my.cnf'))], [
    ['user', 'eventlogging'], ['password', 'p#ss"word \\ \\x'], ['host', 'db.example.org'], ['port', '3308'], ['ssl-ca', '/etc/ca.pem'], ['compress', ''], ['ssl', '0'], ['ssl-verify-server-cert', '0']
  ])
})

t.test('files that a file includes are read where it names them', async t => {
  const directory = t.testdir({
    'my.cnf': '[client]\nuser=first\nport=1\n!includedir conf.d/\n!include last.cnf\n',
    'conf.d': { 'b.cnf': '[client]\nuser=b\npassword=b\n', 'a.cnf': '[client]\nuser=a\nhost=a\n', 'c.txt': '[client]\nuser=text\n' },
    'last.cnf': '[client]\nport=2\n',
    'loop.cnf': '!include loop.cnf',
    'lost.cnf': '!include gone.cnf'
  })

  chmodSync(join(directory, 'conf.d', 'b.cnf'), 0o600)

  t.strictSame(Object.fromEntries(readDefaultsFile(join(directory, 'my.cnf'))), { user: 'b', port: '2', host: 'a', password: 'b' })
  t.throws(() => readDefaultsFile(join(directory, 'loop.cnf')), { code: 'bad-credentials', message: /does a file include itself/ })
  t.throws(() => readDefaultsFile(join(directory, 'lost.cnf')), { code: 'bad-credentials', message: /gone\.cnf cannot be read/ })
})

t.test('a file with a password that every user of the host can read is refused, included ones too; one without is not', t => {
  const directory = t.testdir({ 'my.cnf': '[client]\npassword=sEcReT\n', 'none.cnf': '[client]\nuser=me\n[mysqldump]\npassword=other\n', 'outer.cnf': '!include my.cnf\n' })
  const [file, none, outer] = [join(directory, 'my.cnf'), join(directory, 'none.cnf'), join(directory, 'outer.cnf')] as const
  const message = (mode: string): RegExp => new RegExp(`^defaults-file ${file} has mode ${mode} and belongs to user \\d+, but .*; chmod 0640 ${file}$`)

  chmodSync(file, 0o644)
  for (const path of [file, outer]) t.throws(() => readDefaultsFile(path), { code: 'bad-credentials', message: message('0644') })
  t.equal(readDefaultsFile(none).get('user'), 'me')

  for (const mode of [0o640, 0o600, 0o400]) {
    chmodSync(file, mode)
    t.equal(readDefaultsFile(outer).get('password'), 'sEcReT')
  }
  t.end()
})

t.test('--config-check of a consumer looks at the file of its output', async t => {
  const directory = t.testdir({ 'my.cnf': '[client]\npassword=sEcReT\n' })
  const file = join(directory, 'my.cnf')
  chmodSync(file, 0o644)
  const daemon = startDaemon(t, 'consumer', '--input', 'stdin://', '--output', `opt-out:mysql:///log?defaults-file=${file}`, '--config-check')

  t.equal(await daemon.ended, 78)
  t.match(daemon.log, [{ level: 'error', code: 'bad-credentials', message: new RegExp(`chmod 0640 ${file}$`) }])
  t.notMatch(JSON.stringify(daemon.log), /sEcReT/)
})

t.test('a file that cannot be read is the operator\'s mistake', async t => {
  const path = join(t.testdir({}), 'missing.cnf')

  t.throws(() => readDefaultsFile(path), new ConfigError('bad-credentials', `defaults-file ${path} cannot be read: there is no such file; let it be a file that this user can read, or give it to the unit: LoadCredential=missing.cnf:${path}`))
})

t.test('the URI wins over the file, and the file over the defaults', async t => {
  const directory = t.testdir({ 'my.cnf': '[client]\nuser=file\npassword=secret\nhost=file.example.org\nport=3307\n', 'socket.cnf': '[client]\nsocket=/run/s.sock\n' })
  const file = join(directory, 'my.cnf')
  const socket = join(directory, 'socket.cnf')
  chmodSync(file, 0o600)

  t.match(connectionOptions(parseUri('mysql://me@db:3308/log'), file), { user: 'me', password: 'secret', host: 'db', port: 3308, database: 'log' })
  t.match(connectionOptions(parseUri('mysql:///log'), file), { user: 'file', host: 'file.example.org', port: 3307 })
  t.match(connectionOptions(parseUri('mysql:///log'), ''), { host: '127.0.0.1', port: 3306, password: '' })
  t.match(connectionOptions(parseUri('mysql:///log'), socket), { socketPath: '/run/s.sock' })
  t.match(connectionOptions(parseUri('mysql://localhost/log'), socket), { socketPath: '/run/s.sock' })
  t.equal(connectionOptions(parseUri('mysql://127.0.0.1/log'), socket).socketPath, undefined)
  writeFileSync(socket, '[client]\nsocket=/run/s.sock\nprotocol=TCP\n')
  t.match(connectionOptions(parseUri('mysql:///log'), socket), { socketPath: undefined, host: '127.0.0.1' })
})

t.test('a port that is none is the operator\'s mistake', async t => {
  const directory = t.testdir({ 'my.cnf': '[client]\nport=mysql\n' })

  t.throws(() => connectionOptions(parseUri('mysql:///log'), join(directory, 'my.cnf')), { code: 'bad-credentials', message: 'port "mysql" is none; write a number from 1 to 65535' })
})

t.test('where TLS is asked for the server is verified, unless the options of either client say less', async t => {
  const directory = t.testdir({ 'ca.pem': 'authority' })
  const ca = `ssl-ca=${join(directory, 'ca.pem')}`
  const full = { rejectUnauthorized: true, verifyIdentity: true }
  const chain = { rejectUnauthorized: true, verifyIdentity: false }
  const nothing = { rejectUnauthorized: false, verifyIdentity: false }
  const cases: Array<[options: string[], expected: object | undefined]> = [
    [[], undefined], [['ssl-mode=PREFERRED'], undefined], [['ssl=0'], undefined], [['ssl-verify-server-cert=0'], undefined],
    [[ca], full], [['ssl'], full], [['ssl=1'], full], [['ssl-verify-server-cert'], full], [['ssl-mode=verify_identity'], full], [[ca, 'ssl-mode=VERIFY_IDENTITY'], full],
    [[ca, 'disable-ssl-verify-server-cert'], chain], [[ca, 'ssl-verify-server-cert=FALSE'], chain], [[ca, 'ssl-mode=VERIFY_CA'], chain], [[ca, 'ssl-mode=REQUIRED'], chain],
    [['ssl', 'skip-ssl-verify-server-cert'], nothing], [['ssl-mode=REQUIRED'], nothing],
    [[ca, 'skip-ssl'], undefined], [[ca, 'ssl-mode=DISABLED'], undefined],
    [[ca, 'socket=/run/s.sock'], chain]
  ]
  for (const [options, expected] of cases) {
    writeFileSync(join(directory, 'my.cnf'), `[client]\n${options.join('\n')}\n`)
    const { ssl } = connectionOptions(parseUri('mysql:///log'), join(directory, 'my.cnf'))
    t.match(ssl, expected, options.join(', '))
    t.equal(typeof ssl === 'object' && ssl.ca !== undefined, expected !== undefined && options.includes(ca), 'with the authority that is named')
  }
})

t.test('TLS that cannot be had as it is written is the operator\'s mistake', async t => {
  const directory = t.testdir({})
  const refused: Array<[option: string, message: RegExp]> = [
    ['ssl-ca=/gone.pem', /ssl-ca "\/gone\.pem" cannot be read/], ['ssl-cert=/gone.pem', /ssl-cert/], ['ssl-capath=/etc/ssl', /ssl-capath is not supported/],
    ['ssl-mode=yes', /ssl-mode "yes" is unknown; allowed: DISABLED, PREFERRED, REQUIRED/]
  ]
  for (const [option, message] of refused) {
    writeFileSync(join(directory, 'my.cnf'), `[client]\n${option}\n`)
    t.throws(() => connectionOptions(parseUri('mysql://db/log'), join(directory, 'my.cnf')), { code: 'bad-credentials', message }, option)
  }
})
