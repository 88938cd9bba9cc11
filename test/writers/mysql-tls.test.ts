import t from 'tap'
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { schemasOf, testContext } from '../helpers/context.js'
import { needsMariadb, startMariadb } from '../helpers/mariadb.js'
import { until } from '../helpers/wait.js'
import { capsuleOf, openWriter, schemaOf, store } from '../sql/fixtures.js'

const needsOpenssl = existsSync('/usr/bin/openssl') ? false : 'needs openssl: Debian package openssl'

t.test('TLS to MariaDB', { skip: needsMariadb === false ? needsOpenssl : needsMariadb }, async t => {
  const directory = t.testdir({})
  for (const [name, address] of [['server', 'DNS:localhost'], ['stranger', 'DNS:localhost'], ['address', 'IP:127.0.0.1']] as const) {
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext', `subjectAltName=${address}`,
      '-keyout', join(directory, `${name}.key`), '-out', join(directory, `${name}.pem`)], { stdio: 'ignore' })
  }
  const server = await startMariadb([`--ssl-cert=${join(directory, 'server.pem')}`, `--ssl-key=${join(directory, 'server.key')}`])
  t.teardown(server.stop)
  await server.query("CREATE USER el@'%' REQUIRE SSL")
  await server.query("GRANT ALL ON *.* TO el@'%'")

  function credentials (name: string, authority: string): string {
    const file = join(directory, name)
    writeFileSync(file, `[client]\nuser=el\nssl-ca=${join(directory, authority)}\n`)
    return file
  }

  t.test('a server that the authority vouches for is trusted, and the connection encrypted', async t => {
    const database = await server.database()
    const ctx = testContext({ schemas: schemasOf([schemaOf({})]) })
    const writer = await openWriter(`mysql://localhost:${server.port}/${database}?defaults-file=${credentials('good.cnf', 'server.pem')}`, ctx)
    await store(writer, [capsuleOf({})])
    await writer.close()
    await ctx.end()

    t.match(await server.query('SELECT COUNT(*) AS n FROM Test_1', database), [{ n: 1 }])
  })

  t.test('a server that nobody vouches for gets nothing, and an operator is called', async t => {
    const database = await server.database()
    const ctx = testContext({ schemas: schemasOf([schemaOf({})]) })
    const writer = await openWriter(`mysql://localhost:${server.port}/${database}?defaults-file=${credentials('bad.cnf', 'stranger.pem')}`, ctx)
    const line = await until('the log says so', () => ctx.logged().find(({ level }) => level === 'error'))
    await writer.close()
    await ctx.end()

    t.match(line, { message: /the store refuses/, reason: /self-signed certificate/ })
    t.strictSame(await server.query('SHOW TABLES', database), [])
  })

  t.test('a server that is named by its address must have that in its certificate', async t => {
    const database = await server.database()
    const ctx = testContext({ schemas: schemasOf([schemaOf({})]) })
    const file = credentials('address.cnf', 'both.pem')
    writeFileSync(join(directory, 'both.pem'), ['server', 'address'].map(name => readFileSync(join(directory, `${name}.pem`), 'utf8')).join(''))
    const writer = await openWriter(`mysql://127.0.0.1:${server.port}/${database}?defaults-file=${file}`, ctx)
    const stored = store(writer, [capsuleOf({})])
    t.match(await until('the log says so', () => ctx.logged().find(({ level }) => level === 'error')), { reason: /IP: 127\.0\.0\.1 is not in the cert's list/ })

    for (const suffix of ['pem', 'key']) copyFileSync(join(directory, `address.${suffix}`), join(directory, `server.${suffix}`))
    await server.query('FLUSH SSL')
    await stored
    await writer.close()
    await ctx.end()
    t.match(await server.query('SELECT COUNT(*) AS n FROM Test_1', database), [{ n: 1 }])
  })
})
