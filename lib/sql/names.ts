import { createHash } from 'node:crypto'

/** MySQL's limit for identifiers, in characters: https://dev.mysql.com/doc/refman/8.4/en/identifier-length.html */
const longestName = 64

/**
 * `<Schema>_<revision>`. What is not an ASCII letter, digit or underscore becomes an underscore. A longer name than 64
 * characters is cut before the revision, where eight digits of a hash of the schema's full name are put in.
 */
export function tableName (schema: string, revision: number): string {
  // SQLite keeps names with this beginning for itself
  const plain = sanitise(schema).replace(/^sqlite_/i, '_$&')
  const name = `${plain}_${revision}`
  if (name.length <= longestName) return name
  const end = `_${digest(schema, 8)}_${revision}`
  return plain.slice(0, longestName - end.length) + end
}

/** What InnoDB lets no column, or no index, be called; an index is called as its column. */
const kept = ['primary', 'gen_clust_index', 'db_row_id', 'db_trx_id', 'db_roll_ptr', 'fts_doc_id']

/**
 * A column name for each path into an event: its keys joined by underscores, what is not an ASCII letter, digit or
 * underscore replaced by one, and one where nothing is left. A name of more than 64 characters, and every name that two or
 * more paths would share (MySQL and SQLite ignore case), is cut to 55 and ends in `_` and eight digits of a hash of the path:
 * so a path's column is the same whatever the order of the schema, and never another path's.
 *
 * `taken` are names that no path may have; neither may it have one that InnoDB keeps for itself.
 */
export function columnNames (paths: ReadonlyArray<readonly string[]>, taken: readonly string[] = []): string[] {
  let names = paths.map(plainName)
  for (const digits of [8, 16, 40]) {
    const uses = countUses([...names, ...taken, ...kept])
    const crowded = names.map(name => name.length > longestName || (uses.get(name.toLowerCase()) ?? 0) > 1)
    if (!crowded.includes(true)) break
    names = names.map((name, at) => crowded[at] === true ? hashedName(paths[at] ?? [], digits) : name)
  }
  return names
}

function plainName (path: readonly string[]): string {
  return sanitise(path.join('_')) || '_'
}

function hashedName (path: readonly string[], digits: number): string {
  return `${plainName(path).slice(0, longestName - digits - 1)}_${digest(JSON.stringify(path), digits)}`
}

function countUses (names: readonly string[]): Map<string, number> {
  const uses = new Map<string, number>()
  for (const name of names) uses.set(name.toLowerCase(), (uses.get(name.toLowerCase()) ?? 0) + 1)
  return uses
}

function sanitise (name: string): string {
  return name.replace(/[^A-Za-z0-9_]/g, '_')
}

function digest (text: string, digits: number): string {
  return createHash('sha1').update(text).digest('hex').slice(0, digits)
}
