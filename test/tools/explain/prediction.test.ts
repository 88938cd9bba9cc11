import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import Database from 'better-sqlite3'
import t from 'tap'
import { shown } from '../../../tools/explain/section.js'
import { executable, startDaemon } from '../../helpers/daemon.js'
import { needsSharedData, sharedData } from '../../helpers/shared.js'
import { shortDirectory } from '../../helpers/streams.js'

/** What explain says of a row. */
interface Predicted {
  readonly end: string
  readonly uuid: string | null
  readonly table: string | null
  /** By column, as it is shown; null for NULL. */
  readonly values: ReadonlyMap<string, string | null>
}

function predictedIn (report: string): Predicted {
  const [, table = null, rows = '', empty = ''] = /^The row\n {2}table (\S+)\n((?: {2}\S.*\n)*?)(?: {2}NULL: (.*)\n)?(?: {2}not stored: .*\n)? {2}the view/m.exec(report) ?? []
  const filled = rows.split('\n').filter(row => row !== '').map((row): [string, string] => {
    const [, name = '', value = ''] = /^ {2}(\S+) +(.*?)(?: {2}CUT from .*)?$/.exec(row) ?? []
    return [name, value]
  })
  const values = new Map<string, string | null>([...filled, ...empty.split(', ').filter(name => name !== '').map((name): [string, null] => [name, null])])
  return { end: /^The end\n {2}(.*)$/m.exec(report)?.[1] ?? '', uuid: /"(\w+)"/.exec(values.get('uuid') ?? '')?.[1] ?? null, table, values }
}

// seen to fail when a column is left out of the row, and when the rate is
t.test('the row that is told is the row that is stored', { skip: needsSharedData }, async t => {
  const directory = shortDirectory(t)
  const schemas = join(sharedData ?? '', 'schemas')
  const examples = readFileSync(join(sharedData ?? '', 'examples.ndjson'), 'utf8').trim().split('\n')
  const names = examples.map(example => (JSON.parse(example) as { schema: string }).schema)
  const odd = [
    ['"wiki"', '"wikki"'],
    ['"event": {', '"event": {"nothing": null, '],
    ['"enwiki"', `"${'long'.repeat(100)}"`],
    ['"en.wikipedia.org"', '"\\u0000\\ud83d\\ude00 \\"quoted\\", comma"']
  ] as const
  const capsules = [...examples, ...odd.map(([from, to], at) => (examples[at] ?? '').replace(from, to))]
  const lines = capsules.map((capsule, at) => `?${encodeURIComponent(capsule)}; cp1 ${at} 2014-05-21T09:30:01 203.0.113.9 Mozilla/5.0 (X11)\n`).join('')
  const registry = join(directory, 'registry.yaml')
  writeFileSync(registry, `schemas: { ${names.slice(0, 10).map(name => `${name}: { sampling: { rate: 0.5 } }`).join(', ')} }`)
  const common = ['--schemas', schemas, '--registry', registry, '--state', directory]
  const format = ['--format', '%q %{recvFrom}s %{seqId}d %t %o %{userAgent}i']
  const [events, sqlite] = [join(directory, 'events.json'), join(directory, 'events.sqlite')]

  const processor = startDaemon(t, 'processor', ...common, ...format, '--input', 'stdin://', '--output', `file://${events}`, '--invalid', `file://${events}`)
  processor.child.stdin.end(lines)
  t.equal(await processor.ended, 0)
  const consumer = startDaemon(t, 'consumer', ...common, '--input', `file://${events}`, '--output', `sqlite://${sqlite}`)
  t.equal(await consumer.ended, 0)
  const explain = spawn(process.execPath, [executable, 'explain', '-', ...common, ...format, '--files', '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] })
  explain.stdin.end(lines)
  const told = (await text(explain.stdout)).split('\n---\n').map(predictedIn)

  t.equal(told.length, capsules.length)
  const db = new Database(sqlite, { readonly: true })
  t.teardown(() => { db.close() })
  let stored = 0
  for (const { end, uuid, table, values } of told) {
    if (table === null) {
      t.match(end, /it is counted as sampled, and neither published nor kept anywhere$/)
      continue
    }
    stored++
    const row = db.prepare(`SELECT * FROM "${table}" WHERE uuid = ?`).get(uuid) as Record<string, unknown> | undefined
    t.ok(row, `${table}: ${String(uuid)}`)
    const { id, ...columns } = row ?? {}
    t.same(new Map(Object.entries(columns).map(([name, value]) => [name, value === null ? null : shown(value)])), values, table)
  }
  const tables = db.prepare('SELECT name FROM sqlite_schema WHERE type = \'table\' AND name GLOB \'*_[0-9]*\'').all() as Array<{ name: string }>
  const rows = tables.map(({ name }) => (db.prepare(`SELECT count(*) AS count FROM "${name}"`).get() as { count: number }).count)
  t.equal(rows.reduce((sum, count) => sum + count, 0), stored, 'and there is no other')
  t.ok(stored > 20 && stored < capsules.length, 'some are stored, and some are not')
})
