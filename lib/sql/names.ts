import { createHash } from 'node:crypto'

/** MySQL's limit for identifiers, in characters: https://dev.mysql.com/doc/refman/8.4/en/identifier-length.html */
const longestName = 64

/**
 * `<Schema>_<revision>`. What is not an ASCII letter, digit or underscore becomes an underscore. A longer name than 64
 * characters is cut before the revision, where eight digits of a hash of the schema's full name are put in.
 */
export function tableName (schema: string, revision: number): string {
  const plain = plainName(schema)
  const name = `${plain}_${revision}`
  if (name.length <= longestName) return name
  const end = `_${digest(schema, 8)}_${revision}`
  return plain.slice(0, longestName - end.length) + end
}

/** A revision's digits at the end of a table's name. */
const revisionAtEnd = /_(\d+)$/

/** The revision of the schema that a table of this name holds, whatever its case; null if it is none of the schema's. */
export function revisionOf (table: string, schema: string): number | null {
  const revision = Number(revisionAtEnd.exec(table)?.[1])
  return Number.isSafeInteger(revision) && tableName(schema, revision).toLowerCase() === table.toLowerCase() ? revision : null
}

/** What the names of a schema's tables and of its view all begin with, whatever their case. */
export function commonPrefix (schema: string): string {
  return plainName(schema).slice(0, longestName - '_'.length - 40 - '_all'.length)
}

/**
 * The name of the view over all revisions of a schema: the schema's own, sanitised as those of tables are. Where that could be
 * a table's (`Foo_1`), belongs to vanadium (`vanadium_…`) or is `taken`, it is cut and ends in `_`, eight digits of a hash of the
 * schema's full name (more if need be) and `_all`, which no table's name does. Of two schemas whose names differ only in case or
 * in what was sanitised, the one that had its view first keeps the plain name.
 */
export function viewName (schema: string, taken: (name: string) => boolean): string {
  const plain = plainName(schema)
  const fits = plain.length <= longestName && !revisionAtEnd.test(plain) && !/^vanadium_/i.test(plain)
  if (fits && !taken(plain)) return plain
  const hashed = [8, 16, 40].map(digits => {
    const end = `_${digest(schema, digits)}_all`
    return plain.slice(0, longestName - end.length) + end
  })
  return hashed.find(name => !taken(name)) ?? hashed[0] ?? plain
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
  let names = paths.map(joined)
  for (const digits of [8, 16, 40]) {
    const uses = countUses([...names, ...taken, ...kept])
    const crowded = names.map(name => name.length > longestName || (uses.get(name.toLowerCase()) ?? 0) > 1)
    if (!crowded.includes(true)) break
    names = names.map((name, at) => crowded[at] === true ? hashedName(paths[at] ?? [], digits) : name)
  }
  return names
}

function joined (path: readonly string[]): string {
  return sanitise(path.join('_')) || '_'
}

function hashedName (path: readonly string[], digits: number): string {
  return `${joined(path).slice(0, longestName - digits - 1)}_${digest(JSON.stringify(path), digits)}`
}

function countUses (names: readonly string[]): Map<string, number> {
  const uses = new Map<string, number>()
  for (const name of names) uses.set(name.toLowerCase(), (uses.get(name.toLowerCase()) ?? 0) + 1)
  return uses
}

function plainName (schema: string): string {
  // SQLite keeps names with this beginning for itself
  return sanitise(schema).replace(/^sqlite_/i, '_$&')
}

function sanitise (name: string): string {
  return name.replace(/[^A-Za-z0-9_]/g, '_')
}

function digest (text: string, digits: number): string {
  return createHash('sha1').update(text).digest('hex').slice(0, digits)
}
