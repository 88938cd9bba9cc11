import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { backedUpHost, hourOfDay, needsRsync, type BackedUpHost } from '../../helpers/backed-up-host.js'
import { needsMariadb } from '../../helpers/mariadb.js'
import type { Finding } from '../../../tools/backup/verify/finding.js'

const skip = needsMariadb === false ? needsRsync : needsMariadb

/** Files that are put back, with their times, after the test. */
function harm (t: Test, files: readonly string[], work: (file: string) => void): void {
  for (const file of files) {
    const [bytes, { atime, mtime }] = [readFileSync(file), statSync(file)]
    t.teardown(() => {
      writeFileSync(file, bytes)
      utimesSync(file, atime, mtime)
    })
    work(file)
  }
}

/** Turns one bit over. */
function flip (file: string): void {
  const bytes = readFileSync(file)
  const at = bytes.length >> 1
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(file, bytes)
}

function bare (findings: readonly Finding[]): string[] {
  return findings.map(({ fault, place, what }) => `${fault} ${place} ${what}`).sort()
}

async function found (t: Test, host: BackedUpHost, ...expected: string[]): Promise<readonly Finding[]> {
  const { code, findings, outcome, failures } = await host.verify()
  t.strictSame({ code, outcome, failures, findings: bare(findings) }, { code: expected.length === 0 ? 0 : 2, outcome: 'done', failures: [], findings: expected.sort() })
  return findings
}

t.test('logs without times, archives that nobody reads, and files with the names of others', { skip }, async t => {
  const host = await backedUpHost(t)
  const more = join(host.directory, 'more')
  mkdirSync(more)
  const configuration = JSON.parse(readFileSync(host.config, 'utf8')) as { files: string[] }
  writeFileSync(host.config, JSON.stringify({ ...configuration, files: [...configuration.files, more] }))
  const [first, second, third, xz, other] = ['raw.log-20260101', 'raw.log-20260102', 'raw.log-20260103', 'old.log-20260101.xz', 'old.log-20260102.xz'] as const
  for (const name of [first, second, third]) host.writeLog(name, Array.from({ length: 50 }, (_, at) => `?%7B%22n%22%3A${at}%7D; cp1 ${name} ${at}`))
  // most have a newline somewhere
  for (const name of [xz, other]) writeFileSync(host.log(name), randomBytes(5000))
  writeFileSync(join(more, 'schema.sql'), '{"n":1}\n')
  writeFileSync(join(more, 'all.sql.gz'), gzipSync('{"n":1}\n{"n":2}\n'))
  for (const name of ['two\nlines', 'like\\#012']) writeFileSync(join(more, name), '{"n":3}\n')
  await host.store({ 'all.log': host.lines('Edit', hourOfDay(1, 10), 5) })
  t.match(await host.backup('run'), { code: 0 })
  const [logs, disk, to] = [dirname(host.log(first)), join(host.directory, 'disk'), join(host.directory, 'to')]
  const places = { [to]: host.staged, [disk]: host.copied, [host.remoteName]: host.remote }
  const everywhere = (path: string): string[] => Object.values(places).map(at => at(path))

  await t.test('all is well', async t => { await found(t, host) })

  // before any of them is written to again
  await t.test('what is in no backup', async t => {
    harm(t, [first, xz].flatMap(name => [...everywhere(`files/${name}`), ...everywhere(`files/${name}.manifest.json`)]), rmSync)

    const findings = await found(t, host, `missing ${to} ${host.log(first)}`, `missing ${to} ${host.log(xz)}`)
    t.strictSame(findings.map(({ hours }) => hours), [[], [{ hour: 'undated', schema: '-', events: 50 }]])
  })

  await t.test('what is wrong with them on this host', async t => {
    harm(t, [host.log(first), host.log(xz)], rmSync)
    harm(t, [host.log(second)], file => { truncateSync(file, 600) })
    harm(t, [host.log(third), host.log(other)], flip)

    await found(t, host, `missing ${logs} ${host.log(first)}`, `missing ${logs} ${host.log(xz)}`, `damaged ${logs} ${host.log(second)}`, `damaged ${logs} ${host.log(third)}`, `damaged ${logs} ${host.log(other)}`)
  })

  await t.test('what is wrong with a copy, whatever it is called', async t => {
    harm(t, [host.copied(`files/${xz}`), host.copied('files/schema.sql'), host.remote('files/all.sql.gz'), host.remote('files/two\nlines'), host.remote('files/like\\#012')], flip)

    await found(t, host, `damaged ${disk} files/${xz}`, `damaged ${disk} files/schema.sql`, `damaged ${host.remoteName} files/all.sql.gz`, `damaged ${host.remoteName} files/two\nlines`, `damaged ${host.remoteName} files/like\\#012`)
  })

  await t.test('a run that was killed between two renames has damaged nothing, nor has a look that was killed', async t => {
    renameSync(host.staged(`files/${first}.manifest.json`), host.staged(`files/.${first}.new.manifest.json`))
    mkdirSync(host.staged('.verify-killed/fetched'), { recursive: true })
    await found(t, host)
    t.strictSame(readdirSync(host.staged('')).filter(name => name.startsWith('.verify-')), [])
  })

  const schema = `tables/${host.database}/Edit_1/schema.sql`

  await t.test('the statement that makes a table, where it is not what it was, though others have it otherwise', async t => {
    harm(t, [host.staged(schema)], flip)
    rmSync(host.remote(schema))
    rmSync(host.remote(`${schema}.manifest.json`))
    await found(t, host, `damaged ${to} ${schema}`, `missing ${host.remoteName} ${schema}`)
  })

  await t.test('and where all have the same, which is not what it was', async t => {
    harm(t, [host.staged(schema), host.copied(schema)], file => { truncateSync(file, 40) })
    await found(t, host, `damaged ${to} ${schema}`, `damaged ${disk} ${schema}`, `missing ${host.remoteName} ${schema}`)
  })
})
