import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot, sharedData } from '../../helpers/shared.js'

/** Lines of real formats, with the format. */
export interface SeedLine {
  readonly format: string
  readonly line: string
}

const ownLines: readonly SeedLine[] = [
  { format: '%q %{recvFrom}s %{seqId}d %t %h %{userAgent}i', line: '?%7B%22schema%22%3A%22Fuzz%22%2C%22revision%22%3A1%2C%22wiki%22%3A%22enwiki%22%2C%22event%22%3A%7B%22action%22%3A%22view%22%2C%22n%22%3A1%7D%7D; cp1001.example.org 17 2014-05-21T09:30:01 203.0.113.9 Mozilla/5.0 (X11; Linux x86_64)' },
  { format: '%{seqId}d EventLogging %j', line: '17 EventLogging {"schema":"Fuzz","revision":1,"wiki":"enwiki","event":{"action":"edit","token":"a"},"timestamp":1400664601,"recvFrom":"mw1"}' },
  { format: '%q %l %n %D %{ip}i %u', line: '?%7B%22schema%22%3A%22Fuzz%22%2C%22revision%22%3A1%2C%22event%22%3A%5B%5D%7D; cp1 3 2014-05-21T09:30:01 2001:db8::7\tcurl/8.0.1' }
]

/** With those of `shared/data`, where that is. */
export function seedLines (): SeedLine[] {
  if (sharedData === null) return [...ownLines]
  return [...ownLines, ...ndjson(join(sharedData, 'line-vectors.ndjson')) as SeedLine[]].map(({ format, line }) => ({ format, line }))
}

/** Capsules of real schemas. */
export function seedEvents (): unknown[] {
  const own = [{ schema: 'Fuzz', revision: 1, wiki: 'enwiki', event: { action: 'view', n: 1, list: [1, 2], nested: { nested: { a: 'x' } } } }]
  return sharedData === null ? own : [...own, ...ndjson(join(sharedData, 'examples.ndjson'))]
}

/** Directories of schemas. */
export function seedSchemaDirectories (): string[] {
  return [...sharedData === null ? [] : [join(sharedData, 'schemas')], join(projectRoot, 'schemas')]
}

/** Texts of all files below these directories. */
export function textsIn (...directories: string[]): string[] {
  return directories.flatMap(directory => readdirSync(directory, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile()).map(entry => readFileSync(join(entry.parentPath, entry.name), 'utf8')))
}

function ndjson (file: string): unknown[] {
  return readFileSync(file, 'utf8').split('\n').filter(line => line !== '').map(line => JSON.parse(line) as unknown)
}
