import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { messageOf } from '../../lib/errors.js'
import { openSchemas } from '../../lib/event/schema-repository.js'
import { createLog } from '../../lib/log.js'
import { chooseSchemas, parseChoice } from '../../tools/schema/selection.js'
import { schemasOf } from '../helpers/context.js'
import { executable } from '../helpers/daemon.js'
import { needsMariadb, startMariadb, type Mariadb } from '../helpers/mariadb.js'
import { shortDirectory } from '../helpers/streams.js'
import { capsuleOf, mysqlUri, schemaOf, store } from '../sql/fixtures.js'
import { openOn, storeKinds } from '../sql/stores.js'

interface Result {
  readonly code: number
  readonly out: string
  readonly errors: string[]
}

/** Runs a program with a text as its standard input. */
async function run (program: string, args: readonly string[], input = '', env: NodeJS.ProcessEnv = process.env): Promise<Result> {
  return await new Promise(resolve => {
    const child = execFile(program, args, { env, maxBuffer: 1 << 28 }, (error, out, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, errors: stderr.split('\n').filter(line => line !== '') })
    })
    child.stdin?.on('error', () => {}).end(input)
  })
}

async function ddl (...args: string[]): Promise<Result> {
  const { errors, ...result } = await run(process.execPath, [executable, 'schema', 'ddl', ...args])
  return { ...result, errors: errors.map(line => (JSON.parse(line) as { message: string }).message) }
}

const rating = {
  description: 'A rating',
  properties: {
    stars: { type: 'integer', required: true, description: "It's \\ \"é\" 😀;\n-- # /* `; DROP TABLE x;" },
    seen: { type: 'string', format: 'date-time' },
    page: { properties: { title: { type: 'string' }, tags: { type: 'array', items: { type: 'string' } } } }
  }
}

/** More columns than InnoDB takes while it is strict. */
const wide = { properties: Object.fromEntries(Array.from({ length: 400 }, (_, at) => [`f${at}`, { type: 'string' }])) }
const tooWide = { properties: Object.fromEntries(Array.from({ length: 1001 }, (_, at) => [`f${at}`, { type: 'integer' }])) }

function schemaDirectory (t: Test, files: Record<string, unknown> = { 'Rating/1': rating, 'Rating/3': rating, 'Wide/1': wide }): string {
  const directory = shortDirectory(t)
  for (const [name, schema] of Object.entries(files)) {
    mkdirSync(join(directory, name, '..'), { recursive: true })
    writeFileSync(join(directory, `${name}.json`), JSON.stringify(schema))
  }
  return directory
}

async function pipe (server: Mariadb, database: string, sql: string): Promise<void> {
  // another locale than UTF-8, as cron has
  const env = { ...process.env, LC_ALL: 'C', LANG: 'C' }
  const { code, errors } = await run('mariadb', ['--no-defaults', `--socket=${server.socket}`, '--user=root', database], sql, env)
  if (code !== 0) throw new Error(errors.join('\n'))
}

const events = [
  capsuleOf({ stars: 5, page: { title: 'é😀', tags: ['a'] } }, { schema: 'Rating' }),
  capsuleOf({ f0: 'first', f399: 'last' }, { schema: 'Wide' })
]

t.test('what is printed for mysql, given to mariadb, makes the tables that the consumer makes, and it writes into them as they are', { skip: needsMariadb }, async t => {
  const directory = schemaDirectory(t)
  const schemas = await openSchemas({ directories: [directory], log: createLog({ level: 'error' }) })
  const server = await startMariadb(['--sql-mode=NO_BACKSLASH_ESCAPES'])
  t.teardown(server.stop)
  const [made, piped] = [await server.database(), await server.database()]
  const consumer = await openOn(t, { uri: mysqlUri(server, made) }, schemas)
  await store(consumer.writer, events)
  const { code, out, errors } = await ddl('Rating/1', 'Wide/1', '--schemas', directory)
  t.match({ code, errors }, { code: 0, errors: [] })
  await pipe(server, piped, out)
  await pipe(server, piped, out)

  for (const table of ['Rating_1', 'Wide_1']) {
    const [before] = await server.query(`SHOW CREATE TABLE ${table}`, made)
    const [after] = await server.query(`SHOW CREATE TABLE ${table}`, piped)
    t.equal(String(after?.['Create Table']), String(before?.['Create Table']).replace(/ AUTO_INCREMENT=\d+/, ''))
  }
  for (const host of ['localhost', '127.0.0.1']) {
    await server.query(`CREATE USER writer@${host}`)
    await server.query(`GRANT SELECT, INSERT, UPDATE ON ${piped}.* TO writer@${host}`)
    // nothing else can be made or altered
    for (const own of ['vanadium_positions', 'vanadium_schemas']) await server.query(`GRANT CREATE ON ${piped}.${own} TO writer@${host}`)
  }
  const { writer, ctx } = await openOn(t, { uri: mysqlUri(server, piped).replace('root@', 'writer@') }, schemas)
  await store(writer, events)
  t.strictSame(ctx.letters, [])
  t.match(await server.query('SELECT event_stars, event_page_title, event_page_tags FROM Rating_1', piped), [{ event_stars: 5, event_page_title: 'é😀', event_page_tags: '["a"]' }])
  t.match(await server.query('SELECT event_f0, event_f399 FROM Wide_1', piped), [{ event_f0: 'first', event_f399: 'last' }])
})

t.test('what is printed for sqlite makes the tables and indexes that the consumer makes', async t => {
  const directory = schemaDirectory(t)
  const schemas = await openSchemas({ directories: [directory], log: createLog({ level: 'error' }) })
  const server = await storeKinds.find(({ name }) => name === 'sqlite')?.start()
  const database = await server?.store()
  if (server === undefined || database === undefined) throw new Error('there is no SQLite')
  t.teardown(server.stop)
  const { writer } = await openOn(t, database, schemas)
  await store(writer, events)
  const { out } = await ddl('Rating/1', 'Wide/1', '--schemas', directory, '--dialect', 'sqlite')
  const db = new Database(':memory:')
  t.teardown(() => { db.close() })
  db.exec(out)
  db.exec(out)

  const query = "SELECT name, sql FROM sqlite_schema WHERE type <> 'view' AND sql IS NOT NULL AND name NOT LIKE 'vanadium%' AND name NOT LIKE 'sqlite%' ORDER BY name"
  const found = db.prepare(query).all()
  t.equal(found.length, 9)
  t.strictSame(found, await database.query(query))
})

t.test('sqlite3 takes what is printed', { skip: (await run('sqlite3', ['--version'])).code !== 0 && 'needs sqlite3' }, async t => {
  const { out } = await ddl('Rating/1', '--schemas', schemaDirectory(t), '--dialect', 'sqlite')

  t.match(await run('sqlite3', [':memory:'], `${out}\nSELECT count(*) FROM Rating_1;`), { code: 0, out: '0\n', errors: [] })
})

t.test('a name alone is all its revisions, each once', async t => {
  const { code, out } = await ddl('Rating', 'Rating/3', 'DemoButtonClick/1', '--schemas', schemaDirectory(t))

  t.equal(code, 0)
  t.strictSame([...out.matchAll(/CREATE TABLE IF NOT EXISTS `(\w+)`/g)].map(([, table]) => table), ['Rating_1', 'Rating_3', 'DemoButtonClick_1'])
})

t.test('a revision that has no table is passed over with a warning when all are asked for', async t => {
  const directory = schemaDirectory(t, { 'Rating/1': tooWide, 'Rating/2': rating, 'Rating/3': { properties: { a: { pattern: '(?=a)' } } } })
  const { code, out, errors } = await ddl('Rating', '--schemas', directory)

  t.equal(code, 0)
  t.strictSame([...out.matchAll(/CREATE TABLE IF NOT EXISTS `(\w+)`/g)].map(([, table]) => table), ['Rating_2'])
  t.equal(errors.filter(message => message === 'a revision has no table').length, 2)
})

t.test('what has no table is answered with the reason, 78 and no statement', async t => {
  const directory = schemaDirectory(t, { 'Rating/1': rating, 'Wide/1': tooWide, 'Bad/1': { properties: { a: { pattern: '(?=a)' } } } })
  for (const [names, message] of [
    [['Rating', 'Raiting'], /^there is no schema Raiting; names like it: Rating\. Give the directory that has it with --schemas$/],
    [['Rating', 'Wide/1'], /^no table can hold Wide\/1: the schema has more than 1000 fields/],
    [['Wide', 'Bad/1'], /^no table can hold Wide\/1: /],
    [['Rating', '%'], /^"%" is not the name of a schema; give NAME, or NAME\/REVISION/],
    [['Bad/1'], /^schema Bad\/1 cannot be used: .*linear time/]
  ] as const) {
    const { code, out, errors } = await ddl(...names, '--schemas', directory)
    t.match({ code, out, errors: errors.slice(-1) }, { code: 78, out: '', errors: [message] }, message.source)
  }
})

t.test('who asks for what there is not is told what there is', async t => {
  const schemas = schemasOf(['Rating/1', 'Rating/2', 'NavigationTiming/1', 'mediawiki/edit/3', 'mediawiki/edit/2/1'].map(text => {
    const { name, revision } = parseChoice(text)
    return schemaOf({}, { name, revision: revision ?? 0 })
  }))
  const answer = async (text: string): Promise<string> => {
    return await chooseSchemas(schemas, parseChoice(text)).then(found => found.map(({ name, revision }) => `${name} ${revision}`).join(), messageOf)
  }

  t.equal(await answer('Rating'), 'Rating 1,Rating 2')
  t.equal(await answer('Rating/2'), 'Rating 2')
  t.equal(await answer('mediawiki/edit/3'), 'mediawiki/edit 3')
  t.equal(await answer('mediawiki/edit/2/1'), 'mediawiki/edit/2 1')
  t.equal(await answer('Rating/3'), 'schema Rating has no revision 3; there is 1, 2')
  t.match(await answer('rating/1'), /^there is no schema rating; names like it: Rating\. /)
  t.match(await answer('Navigation/5'), /^there is no schema Navigation; names like it: NavigationTiming\. /)
  t.match(await answer('NavigatoinTimings'), /names like it: NavigationTiming\. /)
  t.match(await answer('edit'), /names like it: mediawiki\/edit, mediawiki\/edit\/2\. /)
  t.match(await answer('Qqqqqqq'), /^there is no schema Qqqqqqq; none of the 4 names is like it\. Give the directory that has it with --schemas$/)
})

t.test('the command lists its commands, and its help has examples', async t => {
  t.match(await run(process.execPath, [executable, 'schema']), { code: 0, out: /\n {2}ddl +Prints / })
  t.match(await ddl('--help'), { code: 0, out: /Usage: vanadium schema ddl NAME\[\/REVISION\]… \[options\][^]*Examples:\n {2}# the table of one revision\n {2}vanadium schema ddl NavigationTiming\/1/ })
})
