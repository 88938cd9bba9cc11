import type { FileSource, Hour } from '../../../lib/backup/manifest.js'
import { isUnreadable } from '../../../lib/purge/file-content.js'
import { dumpedTables, type DumpedTable, type Source } from '../restore/source.js'

export interface SampledFile {
  readonly path: string
  readonly source: FileSource
  readonly hours: readonly Hour[]
}

/** What is restored. */
export interface Sample {
  /** Each with its newest days. */
  readonly tables: readonly DumpedTable[]
  /** The newest archives. */
  readonly files: readonly SampledFile[]
}

/** `most`: days of each table, and archives; of those which we do not read nothing can be said. */
export function takeSample ({ manifests }: Pick<Source, 'manifests'>, most: number): Sample {
  const files: SampledFile[] = []
  for (const [path, manifest] of manifests) if (manifest?.source.kind === 'file' && !isUnreadable(path)) files.push({ path, source: manifest.source, hours: manifest.hours })
  return {
    tables: dumpedTables(manifests).map(table => ({ ...table, dumps: table.dumps.slice(-most) })),
    files: files.sort((a, b) => lastOf(b.hours) < lastOf(a.hours) ? -1 : 1).slice(0, most)
  }
}

function lastOf (hours: readonly Hour[]): string {
  return hours.reduce((last, hour) => hour.last > last ? hour.last : last, '')
}
