import type { CommandContext } from '../../lib/cli/command.js'
import { defineCommand } from '../../lib/cli/command.js'
import { optOutFiles, userFieldsIn } from '../../lib/cli/opt-out.js'
import { StreamError } from '../../lib/errors.js'
import { createOptOut } from '../../lib/event/opt-out.js'
import { readList } from '../../lib/opt-out/files.js'
import type { Erased, EraseStore, Looking } from '../../lib/purge/erase.js'
import { eraseFromFiles } from '../../lib/purge/erase-files.js'
import { eraseFromTables } from '../../lib/purge/erase-tables.js'
import { openMysql } from '../../lib/purge/mysql.js'
import { openSqlite } from '../../lib/purge/sqlite.js'
import { configOption } from '../check/leftovers.js'
import { mysqlOptions, mysqlOptionsOf } from '../purge/mysql-options.js'
import { placesOf, type Places } from '../purge/places.js'
import { bytesText, createProgress, numberText, tableText } from '../text.js'
import { identifiersIn } from './identifiers.js'
import { userOperands, userOptions } from './options.js'
import { usersGiven } from './users.js'

export const erase = defineCommand({
  name: 'optout erase',
  summary: 'Erases what is stored of users: rows, lines of files, event errors, dead letters; with proof.',
  examples: [
    ['vanadium optout erase --stdin --dry-run', 'how much there is, in all places of this host; identifiers one a line, then Ctrl-D'],
    ['vanadium optout erase --stdin --store \'mysql://127.0.0.1/log?defaults-file=/etc/vanadium/purge.cnf\' --files \'/srv/archive/*.gz\' < /root/requests', 'from these places']
  ],
  notes: 'Add the users to the list first (vanadium optout add), or new events of theirs come. Afterwards everything is searched once more, files\n' +
    'byte for byte. Exit code 2 if something is left; what, is printed. Interrupted, the same command goes on. A thousand users at a time. Journals are not\n' +
    'looked at: what is in them passes within seconds, or is pruned by age.\n\n',
  options: {
    ...userOptions,
    store: { type: 'string', array: true, default: [] as string[], requiresArg: true, description: 'Databases: mysql: or sqlite:, as outputs of consumers have them [default: all that argument files name]' },
    files: { type: 'string', array: true, default: [] as string[], requiresArg: true, description: 'Files of events, raw lines or dead letters, plain or .gz; * and ? in the last part [default: those that argument files name, with what logrotate made of them]' },
    config: configOption,
    ...mysqlOptions,
    'dry-run': { type: 'boolean', default: false, description: 'Only print how much there is' }
  },
  operands: userOperands,
  defaults: { 'log-level': 'warn' },
  prepare (options, transports, common) {
    const mysql = mysqlOptionsOf(options, transports)

    return async ctx => {
      const users = new Set(await usersGiven(options, mostErased))
      warnOfUnlisted(users, common, ctx)
      const places = placesOf({ ...options, state: common.state, journals: false }, transports, ctx.log)
      const progress = createProgress()
      const stores = openStores(places, users, { mysql, looking: (place, through) => { progress.show(`${place}: ${through}`) } }, ctx)
      for (const store of stores) ctx.defer('a store', async () => { await store.close() })
      const results = await run(stores, options['dry-run'], ctx)
      progress.end()
      process.stdout.write(textOf(results, options['dry-run'] || ctx.stop.aborted, options['dry-run'] ? 'would be erased' : 'erased'))
      if (ctx.stop.aborted) throw new StreamError('stopped', 'stopped before everything was erased; the same command goes on')
      if (results.some(({ left }) => (left ?? 0) > 0)) process.exitCode = 2
    }
  }
})

/** Users at a time: each is looked for in every line. */
const mostErased = 1000

function warnOfUnlisted (users: ReadonlySet<string>, common: Parameters<typeof optOutFiles>[0], { log }: CommandContext): void {
  const { list, key } = readList(optOutFiles(common))
  const count = [...users].filter(user => key === null || !list.has(key.digest(user))).length
  if (count > 0) log.warn('users are not in the list: new events of theirs are stored; vanadium optout add adds them', { users: count })
}

interface Means {
  readonly mysql: ReturnType<typeof mysqlOptionsOf>
  readonly looking: Looking
}

function openStores ({ databases, isLive, listFiles }: Places, users: ReadonlySet<string>, { mysql, looking }: Means, { schemas, registry, log }: CommandContext): EraseStore[] {
  const fields = userFieldsIn(registry)
  const names = new Set(schemas.list().map(({ name }) => name))
  const optOut = createOptOut({ users: { isEmpty: users.size === 0, has: user => users.has(user) }, fields: () => fields, isKnown: schema => names.has(schema) })
  return [
    ...databases.map(database => {
      const { db, ...others } = database.uri.scheme === 'sqlite' ? { db: openSqlite(database.uri) } : openMysql(database.uri, mysql(database, log))
      return eraseFromTables(db, { schemas, fields, users, optOut, looking, ...others })
    }),
    eraseFromFiles({ paths: listFiles(), isLive, optOut, holds: identifiersIn(users), looking })
  ]
}

async function run (stores: readonly EraseStore[], isDry: boolean, { stop }: CommandContext): Promise<Erased[]> {
  const results: Erased[] = []
  for (const store of stores) for await (const erased of isDry ? store.find(stop) : store.erase(stop)) results.push(erased)
  return results
}

/** `isUnproved`: nothing is said of what is left. */
function textOf (results: readonly Erased[], isUnproved: boolean, verb: string): string {
  const told = results.filter(({ rows, left }) => rows > 0 || (left ?? 0) > 0)
  const rows = results.reduce((sum, { rows }) => sum + rows, 0)
  const left = results.reduce((sum, { left }) => sum + (left ?? 0), 0)
  const sum = `${numberText(rows)} rows ${verb} in ${numberText(results.length)} places${isUnproved ? '' : `, ${left === 0 ? 'nothing is left' : `${numberText(left)} ARE LEFT`}`}\n`
  const table = told.map(({ place, rows, bytes, left }) => [place, numberText(rows), bytes === 0 ? '-' : bytesText(bytes), left === null ? '-' : numberText(left)])
  return (told.length === 0 ? '' : tableText(['place', 'rows', 'bytes', 'left'], table, ['rows', 'bytes', 'left'])) +
    told.filter(({ why }) => why !== undefined).map(({ place, why }) => `${place}: ${why}\n`).join('') + sum
}
