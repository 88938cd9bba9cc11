import t from 'tap'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from '../../lib/errors.js'
import { parseDefaultsFile, readDefaultsFile } from '../../lib/sql/defaults-file.js'
import { connectionOptions } from '../../lib/sql/session.js'
import { parseUri } from '../../lib/stream/uri.js'

t.test('the group [client] is read as the MySQL clients read it', async t => {
  const options = parseDefaultsFile([
    'user = nobody', '[mysqld]', 'user=mysql', '[client]', '# a comment', '; another', 'user = eventlogging',
    'password="p#ss\\"word \\\\ \\x"  # not part of it', "host = 'db.example.org'", 'port=3307 # default is 3306', 'ssl_ca=/etc/ca.pem', 'compress', '!include /etc/other', '', '[mysql]', 'user=x'
  ].join('\r\n'))

  t.strictSame([...options], [
    ['user', 'eventlogging'], ['password', 'p#ss"word \\ \\x'], ['host', 'db.example.org'], ['port', '3307'], ['ssl-ca', '/etc/ca.pem'], ['compress', '']
  ])
})

t.test('a file that cannot be read is the operator\'s mistake', async t => {
  const path = join(t.testdir({}), 'missing.cnf')

  t.throws(() => readDefaultsFile(path), new ConfigError('bad-credentials', `defaults-file "${path}" cannot be read: ENOENT: no such file or directory, open '${path}'; name a my.cnf file that this user can read`))
})

t.test('the URI wins over the file, and the file over the defaults', async t => {
  const directory = t.testdir({ 'my.cnf': '[client]\nuser=file\npassword=secret\nhost=file.example.org\nport=3307\n', 'socket.cnf': '[client]\nsocket=/run/s.sock\n' })
  const file = join(directory, 'my.cnf')
  const socket = join(directory, 'socket.cnf')

  t.match(connectionOptions(parseUri('mysql://me@db:3308/log'), file), { user: 'me', password: 'secret', host: 'db', port: 3308, database: 'log' })
  t.match(connectionOptions(parseUri('mysql:///log'), file), { user: 'file', host: 'file.example.org', port: 3307 })
  t.match(connectionOptions(parseUri('mysql:///log'), ''), { host: '127.0.0.1', port: 3306, password: '' })
  t.match(connectionOptions(parseUri('mysql:///log'), socket), { socketPath: '/run/s.sock' })
  t.match(connectionOptions(parseUri('mysql://localhost/log'), socket), { socketPath: '/run/s.sock' })
  t.equal(connectionOptions(parseUri('mysql://127.0.0.1/log'), socket).socketPath, undefined)
})

t.test('a certificate authority makes the connection verify the server', async t => {
  const directory = t.testdir({ 'ca.pem': 'authority' })
  writeFileSync(join(directory, 'my.cnf'), `[client]\nssl-ca=${join(directory, 'ca.pem')}\n`)
  writeFileSync(join(directory, 'gone.cnf'), `[client]\nssl-ca=${join(directory, 'gone.pem')}\n`)

  t.match(connectionOptions(parseUri('mysql://db/log'), join(directory, 'my.cnf')).ssl, { rejectUnauthorized: true, verifyIdentity: true })
  t.throws(() => connectionOptions(parseUri('mysql://db/log'), join(directory, 'gone.cnf')), { code: 'bad-credentials' })
})
