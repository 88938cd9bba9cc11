import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { codeOf } from '../errors.js'
import { fileOfManifest } from './manifest-file.js'

/** Folders of the staging area, and of each destination. */
export const folders = { files: 'files', tables: 'tables', reports: 'reports' } as const

/** Of the dump of a day, below the staging area. */
export function dumpPath (database: string, table: string, day: string): string {
  return join(tableFolder(database, table), `${day}.sql.gz`)
}

/** Of the statement that makes a table. */
export function schemaPath (database: string, table: string): string {
  return join(tableFolder(database, table), 'schema.sql')
}

/** Has what there is of a table. */
export function tableFolder (database: string, table: string): string {
  return join(databaseFolder(database), escaped(table))
}

export function databaseFolder (database: string): string {
  return join(folders.tables, escaped(database))
}

/** Names of tables may have anything in them. */
function escaped (name: string): string {
  return name.replace(/[^A-Za-z0-9_.-]|^\./g, character => encodeURIComponent(character).replace(/^[^%]$/, text => `%${text.charCodeAt(0).toString(16).toUpperCase()}`))
}

/** Paths below the staging area of what has a manifest, in one of its folders or below, sorted. */
export function backedUp (to: string, folder: string): string[] {
  return pathsIn(to, folder).flatMap(path => isHidden(path) ? [] : fileOfManifest(path) ?? []).sort()
}

/** What is being made, or was when it was interrupted, has a hidden name. */
export function isHidden (path: string): boolean {
  return path.slice(path.lastIndexOf('/') + 1).startsWith('.')
}

/** All files there, hidden ones included. */
export function pathsIn (to: string, folder: string): string[] {
  try {
    return readdirSync(join(to, folder), { withFileTypes: true }).flatMap(entry => {
      const path = join(folder, entry.name)
      return entry.isDirectory() ? pathsIn(to, path) : [path]
    })
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
}
