import type { FileSource, Hour } from '../../../lib/backup/manifest.js'
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

/** `most`: days of each table, and archives. */
export async function takeSample (source: Source, most: number): Promise<Sample> {
  const files: SampledFile[] = []
  for (const [path, manifest] of source.manifests) if (manifest?.source.kind === 'file') files.push({ path, source: manifest.source, hours: manifest.hours })
  const sample: Sample = {
    tables: dumpedTables(source.manifests).map(table => ({ ...table, dumps: table.dumps.slice(-most) })),
    files: files.sort((a, b) => lastOf(b.hours) < lastOf(a.hours) ? -1 : 1).slice(0, most)
  }
  await source.fetch([...sample.files.map(({ path }) => path), ...sample.tables.flatMap(({ schema, dumps }) => [schema, ...dumps.map(({ path }) => path)])])
  return sample
}

function lastOf (hours: readonly Hour[]): string {
  return hours.reduce((last, hour) => hour.last > last ? hour.last : last, '')
}
