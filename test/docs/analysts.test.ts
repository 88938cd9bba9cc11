import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { parseJson, stringifyJson } from '../../lib/event/json.js'
import { openSchemas } from '../../lib/event/schema-repository.js'
import { isRefused } from '../../lib/event/schemas.js'
import { createLog } from '../../lib/log.js'
import { executable } from '../helpers/daemon.js'
import type { Row } from '../helpers/mariadb.js'
import { projectRoot } from '../helpers/shared.js'
import { shortDirectory } from '../helpers/streams.js'
import { store } from '../sql/fixtures.js'
import { openOn, storeKinds } from '../sql/stores.js'

const file = join(projectRoot, 'docs', 'analysts.md')
const name = 'PageRating'
const revision = 2

/** The first block of that language: the example has one of each. */
function block (language: string): string {
  return new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's').exec(readFileSync(file, 'utf8'))?.[1] ?? ''
}

/** With UPDATE_DOCS=1 the page is corrected. */
function isBlock (language: string, text: string): boolean {
  if (process.env['UPDATE_DOCS'] === '1') {
    writeFileSync(file, readFileSync(file, 'utf8').replace(new RegExp(`\`\`\`${language}\n.*?\`\`\``, 's'), () => `\`\`\`${language}\n${text}\`\`\``))
  }
  return block(language) === text
}

const directory = shortDirectory(t)
mkdirSync(join(directory, name))
writeFileSync(join(directory, name, `${revision}.json`), block('json'))

t.test('the statement in docs/analysts.md is what the tool prints; UPDATE_DOCS=1 writes it anew', async t => {
  const printed = execFileSync(process.execPath, [executable, 'schema', 'ddl', `${name}/${revision}`, '--schemas', directory], { encoding: 'utf8' })

  t.ok(isBlock('sql', printed))
})

for (const kind of storeKinds) {
  t.test(`the row in docs/analysts.md is what ${kind.name} has of the event; UPDATE_DOCS=1 writes it anew`, { skip: kind.skip }, async t => {
    const server = await kind.start()
    t.teardown(server.stop)
    const schemas = await openSchemas({ directories: [directory], log: createLog({ level: 'error' }) })
    const schema = schemas.find(name, revision)
    const event = parseJson(block('ndjson')) as object
    const database = await server.store()
    const { writer, ctx } = await openOn(t, database, schemas)
    await store(writer, [stringifyJson(event)])

    t.equal(schema !== undefined && !isRefused(schema) && schema.validate(JSON.parse(block('ndjson')) as object), null, 'it is valid')
    t.strictSame(ctx.letters, [])
    const [row = {}] = await database.rows(`${name}_${revision}`)
    t.ok(isBlock('text', textOf(row)), 'the row is the one of the page', { row })
  })
}

function textOf (row: Row): string {
  const width = Math.max(...Object.keys(row).map(column => column.length)) + 2
  return Object.entries(row).map(([column, value]) => `${column.padEnd(width)}${value === null ? 'NULL' : String(value)}\n`).join('')
}
