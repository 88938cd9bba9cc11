import { hash } from 'node:crypto'
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openDraft } from '../../lib/backup/draft-writer.js'
import { commitDraft, draftName, recover } from '../../lib/backup/draft.js'
import { backedUp } from '../../lib/backup/layout.js'
import { lockBackup, waitForBackup } from '../../lib/backup/lock.js'
import { manifestName, readManifest, writeManifest } from '../../lib/backup/manifest-file.js'
import type { Manifest } from '../../lib/backup/manifest.js'
import type { Log } from '../../lib/log.js'

function manifestOf (bytes: number, text = ''): Manifest {
  return {
    version: 1,
    made: '2026-11-26T05:15:00.000Z',
    host: 'a',
    source: { kind: 'dump', path: 'tables/log/Edit_1/2026-11-26.sql.gz', bytes, sha256: hash('sha256', text), database: 'log', table: 'Edit_1', day: '2026-11-26', kept: [] },
    hours: [{ hour: '2026-11-26T11', schema: 'Edit_1', count: 1, first: '2026-11-26T11:00:00Z', last: '2026-11-26T11:00:00Z', uuids: 'b'.repeat(32), content: 'c'.repeat(64) }]
  }
}

t.test('a manifest that was written is read again; one that is damaged is no manifest', async t => {
  const file = join(t.testdir(), 'x.sql.gz')

  t.equal(readManifest(file), null)
  writeManifest(file, manifestOf(7))
  t.strictSame(readManifest(file), manifestOf(7))
  const text = readFileSync(manifestName(file), 'utf8')
  for (const damaged of [text.slice(0, -5), text.replace('"version":1', '"version":2'), text.replace('"count":1', '"count":-1'), text.replace('"kind":"dump"', '"kind":"x"'), text.replace(/"uuids":"[^"]*"/, '"uuids":"b"'), '', '[]']) {
    writeFileSync(manifestName(file), damaged)
    t.throws(() => readManifest(file), { name: 'StreamError', message: /x\.sql\.gz\.manifest\.json is damaged, or no manifest/ }, damaged.slice(0, 60))
  }
  writeFileSync(manifestName(file), text.replace('"host"', '"later":{"x":1},"host"'))
  t.match(readManifest(file), manifestOf(7), 'what a later version adds is let pass')
})

t.test('wherever a run is interrupted, a file and its manifest are both those of before, or both new', async t => {
  const to = t.testdir()
  const directory = join(to, 'tables', 'log', 'Edit_1')
  mkdirSync(directory, { recursive: true })
  const file = join(directory, '2026-11-26.sql.gz')
  const steps: Array<() => void> = [
    () => { writeFileSync(draftName(file), 'ne') },
    () => { writeFileSync(draftName(file), 'newer') },
    () => { writeFileSync(join(directory, '..2026-11-26.sql.gz.new.manifest.json.123'), '{"half') },
    () => { writeManifest(draftName(file), manifestOf(5, 'newer')) },
    () => { renameSync(draftName(file), file) },
    () => { renameSync(manifestName(draftName(file)), manifestName(file)) }
  ]
  for (let done = 0; done <= steps.length; done++) {
    rmSync(directory, { recursive: true })
    mkdirSync(directory)
    writeFileSync(file, 'old')
    writeManifest(file, manifestOf(3))
    for (const step of steps.slice(0, done)) step()

    recover(to)

    const isNew = done >= 4
    t.equal(readFileSync(file, 'utf8'), isNew ? 'newer' : 'old', `after ${done} steps`)
    t.equal(readManifest(file)?.source.bytes, isNew ? 5 : 3)
    t.strictSame(readdirSync(directory).sort(), ['2026-11-26.sql.gz', '2026-11-26.sql.gz.manifest.json'])
    t.strictSame(backedUp(to, 'tables'), ['tables/log/Edit_1/2026-11-26.sql.gz'])
  }
})

t.test('the manifest of a draft that could not take its place takes none either', async t => {
  const to = t.testdir()
  const file = join(to, 'tables', 'log', 'Edit_1', '2026-11-26.sql.gz')
  // a directory is no place for a file
  mkdirSync(join(file, 'x'), { recursive: true })
  writeFileSync(draftName(file), 'newer')

  t.throws(() => { commitDraft(file, manifestOf(5, 'newer')) }, { name: 'StreamError', code: 'cannot-write' })
  t.notOk(existsSync(manifestName(draftName(file))))

  for (const path of [file, draftName(file)]) rmSync(path, { recursive: true })
  writeFileSync(file, 'old')
  writeManifest(file, manifestOf(3, 'old'))
  for (const [draft, manifest] of [[null, manifestOf(5, 'newer')], [null, manifestOf(3, 'odd')], ['half', manifestOf(5, 'newer')]] as const) {
    if (draft !== null) writeFileSync(draftName(file), draft)
    writeManifest(draftName(file), manifest)
    recover(to)
    t.strictSame(readManifest(file), manifestOf(3, 'old'))
    t.equal(readFileSync(file, 'utf8'), 'old')
    t.strictSame(readdirSync(join(file, '..')).sort(), ['2026-11-26.sql.gz', '2026-11-26.sql.gz.manifest.json'])
  }
})

t.test('a draft that cannot be moved is an error that says which', async t => {
  const to = t.testdir({ file: '' })
  const draft = await openDraft(join(to, 'x'))
  t.throws(() => { draft.move(join(to, 'file', 'y')) }, { name: 'StreamError', code: 'cannot-write', message: /file\/y cannot be written: / })
  t.throws(() => { draft.move(join(to, 'y'.repeat(252))) }, { name: 'StreamError', code: 'cannot-write' })
  await draft.drop()
})

t.test('a draft knows what was written, and is nothing before it is committed', async t => {
  const to = t.testdir()
  const file = join(to, 'files', 'a', 'x.gz')
  const chunks = async function * (...texts: string[]): AsyncGenerator<Buffer> { for (const text of texts) yield await Promise.resolve(Buffer.from(text)) }

  const draft = await openDraft(file)
  await draft.compress(chunks('one ', 'two '))
  await draft.compress(chunks())
  await draft.compress(chunks('three'))
  t.notOk(existsSync(file))
  const { bytes } = await draft.end({ atimeMs: 1000, mtimeMs: 2000 })
  commitDraft(file, manifestOf(bytes))
  await draft.drop()

  const { gunzipSync } = await import('node:zlib')
  t.equal(gunzipSync(readFileSync(file)).toString(), 'one two three')
  t.equal(readFileSync(file).length, bytes)

  const other = await openDraft(file)
  await other.write(chunks('other'))
  await other.drop()
  t.equal(readFileSync(file).length, bytes, 'one that is dropped changes nothing')
  t.strictSame(readdirSync(join(to, 'files', 'a')).sort(), ['x.gz', 'x.gz.manifest.json'])
  const copy = join(to, 'copy')
  cpSync(join(to, 'files'), copy, { recursive: true })
  copyFileSync(file, join(copy, 'a', 'y.gz'))
})

t.test('a staging area has one user at a time', async t => {
  const to = join(t.testdir(), 'a', 'b')

  const unlock = lockBackup(to)
  t.throws(() => lockBackup(to), { name: 'ConfigError', code: 'state-in-use' })
  unlock()
  lockBackup(to)()
  const before = lockBackup(to)
  const told: string[] = []
  const log = { warn (message: string) { told.push(message); before() } } as unknown as Log
  const after = await waitForBackup(to, 120_000, { stop: new AbortController().signal, log })
  t.match(told, [/another vanadium backup is at work/])
  await t.rejects(waitForBackup(to, 120_000, { stop: AbortSignal.abort(), log: { warn () {} } as unknown as Log }), { code: 'stopped' })
  await t.rejects(waitForBackup(to, 0, { stop: new AbortController().signal, log }), { code: 'state-in-use' })
  after()
  const file = join(t.testdir(), 'file')
  writeFileSync(file, '')
  t.throws(() => lockBackup(join(file, 'x')), { name: 'ConfigError', message: /^to: .*; give a directory that this user can write/ })
})
