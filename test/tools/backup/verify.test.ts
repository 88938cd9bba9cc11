import { closeSync, openSync, readdirSync, readFileSync, readSync, renameSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { filledHost, needsRsync } from '../../helpers/backed-up-host.js'
import { needsMariadb } from '../../helpers/mariadb.js'
import type { Finding } from '../../../tools/backup/verify/finding.js'

const skip = needsMariadb === false ? needsRsync : needsMariadb

type Bare = Pick<Finding, 'fault' | 'place' | 'what'>

function bare (findings: readonly Finding[]): Bare[] {
  return sorted(findings.map(({ fault, place, what }) => ({ fault, place, what })))
}

function sorted (findings: readonly Bare[]): Bare[] {
  return [...findings].sort((a, b) => `${a.place} ${a.what}` < `${b.place} ${b.what}` ? -1 : 1)
}

function found (findings: readonly Finding[], what: string): Finding {
  const one = findings.find(finding => finding.what === what)
  if (one === undefined) throw new Error(`nothing was found about ${what}`)
  return one
}

function bytesOf (lines: readonly string[], count: number): number {
  return Buffer.byteLength(lines.slice(0, count).map(line => `${line}\n`).join(''))
}

/** Does something to a file, and takes it back after the test. */
function harm (t: Test, file: string, work: (file: string) => void): void {
  const [bytes, { atime, mtime }] = [readFileSync(file), statSync(file)]
  t.teardown(() => {
    writeFileSync(file, bytes)
    utimesSync(file, atime, mtime)
  })
  work(file)
}

/** Turns one bit of a file over. */
function flip (file: string, at: number): void {
  const fd = openSync(file, 'r+')
  const byte = Buffer.alloc(1)
  readSync(fd, byte, 0, 1, at)
  writeSync(fd, Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, at)
  closeSync(fd)
}

t.test('each thing that is wrong is named, at its place, and nothing else', { skip }, async t => {
  const { host, gz, plain, lines, hour } = await filledHost(t)
  const [gzCopy, plainCopy] = [join('files', gz), join('files', plain)]
  const [disk, to] = [join(host.directory, 'disk'), join(host.directory, 'to')]
  const [editDump, clickDump] = ['Edit_1', 'Click_1'].map(table => join('tables', host.database, table, `${hour.gz.slice(0, 10)}.sql.gz`)) as [string, string]

  // of a log that is rotated the copy has a name of its own
  const logCopy = join('files', readdirSync(host.copied('files')).find(name => /-\d{6}$/.test(name)) ?? '')

  t.match(await host.verify(), { code: 0, outcome: 'done' }, 'all is well')

  await t.test('deleted, flipped in a plain file', async t => {
    harm(t, host.log(gz), rmSync)
    harm(t, host.copied(plainCopy), file => { flip(file, bytesOf(lines.plain, 41) + (lines.plain[41] ?? '').indexOf('text of') + 1) })
    harm(t, host.copied(editDump), rmSync)
    harm(t, host.staged(`${clickDump}.manifest.json`), rmSync)
    harm(t, host.remote(gzCopy), rmSync)

    const { code, findings } = await host.verify()
    t.equal(code, 2)
    t.strictSame(bare(findings), sorted([
      { fault: 'missing', place: dirname(host.log(gz)), what: host.log(gz) },
      { fault: 'damaged', place: disk, what: plainCopy },
      { fault: 'missing', place: disk, what: editDump },
      { fault: 'missing', place: to, what: `${clickDump}.manifest.json` },
      { fault: 'missing', place: host.remoteName, what: gzCopy }
    ]))
    t.equal(found(findings, host.log(gz)).hours.reduce((sum, { events }) => sum + (events ?? 0), 0), 180)
    t.match(found(findings, plainCopy), { lines: [42], hours: [{ hour: hour.plain, schema: 'Edit_1' }] })
    t.equal(found(findings, plainCopy).hours.length, 1, 'of one hour and schema')
  })

  await t.test('cut, flipped in what is compressed, damaged manifests', async t => {
    const whole = bytesOf(lines.plain, 100)
    harm(t, host.log(plain), file => { truncateSync(file, whole + 7) })
    harm(t, host.copied(gzCopy), file => { flip(file, Math.floor(statSync(file).size * 0.7)) })
    harm(t, host.staged(editDump), file => { flip(file, Math.floor(statSync(file).size * 0.9)) })
    harm(t, host.copied(clickDump), file => { truncateSync(file, 300) })
    harm(t, host.copied(`${plainCopy}.manifest.json`), file => { flip(file, readFileSync(file, 'utf8').indexOf('"content":"') + 15) })
    harm(t, host.remote(logCopy), file => { flip(file, 20) })

    const { code, findings } = await host.verify()
    t.equal(code, 2)
    t.strictSame(bare(findings), sorted([
      { fault: 'damaged', place: dirname(host.log(plain)), what: host.log(plain) },
      { fault: 'damaged', place: disk, what: gzCopy },
      { fault: 'damaged', place: to, what: editDump },
      { fault: 'damaged', place: disk, what: clickDump },
      { fault: 'damaged', place: disk, what: `${plainCopy}.manifest.json` },
      { fault: 'damaged', place: host.remoteName, what: logCopy }
    ]))
    t.match(found(findings, host.log(plain)), { good: { lines: 100, bytes: whole } })
    const good = found(findings, gzCopy).good?.lines ?? 0
    t.ok(good > 60 && good < 180, `good up to line ${good}, of 180: nearly where it was flipped`)
    t.match(found(findings, clickDump).why, /^it ends after 300 of [\d,]+ bytes; good up to line \d+/)
    t.match(found(findings, logCopy), { lines: [1] })
  })

  await t.test('a destination that is away could not be looked at, and is no finding', async t => {
    const away = join(host.directory, 'away')
    renameSync(disk, away)
    t.teardown(() => { renameSync(away, disk) })
    const { code, text } = await host.backup('verify')
    t.equal(code, 1)
    t.match(text, /^Not looked at: .*\/disk: .*is its disk mounted/m)
    t.match(text, /^Nothing was found to be missing, damaged or too old so far\.$/m)
  })
})
