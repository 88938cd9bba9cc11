import t from 'tap'
import { schemasOf, testContext } from '../helpers/context.js'
import { needsMariadb } from '../helpers/mariadb.js'
import { startPrimary } from '../helpers/replica.js'
import { capsuleOf, mysqlUri, openWriter, schemaOf, store } from '../sql/fixtures.js'

t.test('what people see of a connection', { skip: needsMariadb }, async t => {
  const server = await startPrimary('STATEMENT', ['--performance-schema=ON'])
  t.teardown(server.stop)

  t.test('the server knows who is connected', async t => {
    const database = await server.database()
    const ctx = testContext({ schemas: schemasOf([schemaOf({})]), name: 'mysql-old' })
    const writer = await openWriter(mysqlUri(server, database), ctx)
    t.teardown(async () => {
      await writer.close()
      await ctx.end()
    })
    await store(writer, [capsuleOf({})])

    const attributes = await server.query(`SELECT ATTR_NAME AS name, ATTR_VALUE AS value FROM performance_schema.session_connect_attrs
      JOIN information_schema.PROCESSLIST ON ID = PROCESSLIST_ID WHERE DB = '${database}'`)
    t.match(Object.fromEntries(attributes.map(({ name, value }) => [name, value])), { program_name: 'vanadium', daemon: 'consumer', instance: 'mysql-old' })
  })

  t.test('a binary log of statements is warned of, one of rows and one that is mixed are not', async t => {
    const warnings: unknown[] = []
    for (const format of ['ROW', 'MIXED', 'STATEMENT']) {
      await server.query(`SET GLOBAL binlog_format = '${format}'`)
      const ctx = testContext({ schemas: schemasOf([schemaOf({})]) })
      const writer = await openWriter(mysqlUri(server, await server.database()), ctx)
      await store(writer, [capsuleOf({})])
      await writer.close()
      await ctx.end()
      warnings.push(ctx.logged().filter(({ level }) => level === 'warn').map(({ message }) => message))
    }

    t.match(warnings, [[], [], [/replicas may get other rows; set binlog_format to MIXED or ROW/]])
    t.equal((warnings[2] as unknown[]).length, 1)
  })
})
