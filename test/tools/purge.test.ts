import { existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import type { PurgeReport } from '../../tools/purge/report.js'
import { startDaemon, startReady } from '../helpers/daemon.js'
import { journal } from '../helpers/journal-command.js'
import { freePort } from '../helpers/ports.js'
import { eventLine, journalState, purgedHost, type PurgedHost } from '../helpers/purge-command.js'
import { projectRoot } from '../helpers/shared.js'
import { until } from '../helpers/wait.js'

const registry = {
  retention: { days: 90 },
  schemas: { Kept: { retention: { keep: ['event.duration', 'wiki'] } }, Daily: { retention: { days: 30 } } }
}

const stripped = (line: string): string => {
  const { event: { duration }, schema, revision, timestamp, wiki, uuid } = JSON.parse(line) as Record<string, unknown> & { event: { duration: number } }
  return `${JSON.stringify({ event: { duration }, schema, revision, timestamp, wiki, uuid })}\n`
}

const old = eventLine(100, 'Kept', { duration: 5, page: 'x' })
const daily = eventLine(40, 'Daily')
const young = eventLine(40, 'Other')
const letter = `${JSON.stringify({ time: '2014-05-21T09:30:01Z', instance: 'mysql', code: 'refused-by-store', message: 'no', record: eventLine(100, 'Kept').trim() })}\n`

/** Of the shipped layout: logs of events and raw lines with what logrotate made of them, dead letters, a journal. */
function fullHost (t: Test): PurgedHost & { journalTimes: () => number[] } {
  const host = purgedHost(t, registry)
  host.define('consumers/all-events-log', '--input tcp://127.0.0.1:8610?as=all-events-log', `--output file://${host.log('all-events.log')}`)
  host.define('consumers/raw-log', '--input tcp://127.0.0.1:8432?as=raw-log', `--output=file://${host.log('raw.log')}`)
  host.define('consumers/sqlite', '--input tcp://127.0.0.1:8610?as=sqlite', '--output stdout://', `--dead-letter file://${host.log('refused.log')}`)
  host.write('all-events.log', eventLine(0, 'Other'))
  host.write('all-events.log-20150521', old + daily + young)
  host.write('all-events.log-20150520.gz', old + old, 1)
  host.write('refused.log-20150520.gz', letter)
  host.write('raw.log-20150101.gz', '?%7B%7D; cp1 1 2015-01-01T00:00:00 192.0.2.1 x\n')
  host.write('other.log-20150101', eventLine(100, 'Other'))
  journalState(host.state, 'forwarder-all-events', [100, 91, 89, 1])
  const journalTimes = (): number[] => {
    const db = new Database(join(host.state, 'forwarder-all-events.sqlite'), { readonly: true })
    try {
      return db.prepare<[], { first: number }>('SELECT first FROM journal_entry ORDER BY first').all().map(({ first }) => first)
    } finally {
      db.close()
    }
  }
  return { ...host, journalTimes }
}

t.test('without arguments it finds what argument files name, and what it plans is what it does; then it can prove it', async t => {
  const host = fullHost(t)
  const before = await host.purge('--prove')
  const planned = await host.purge('--dry-run')
  const untouched = readFileSync(host.log('all-events.log-20150521'), 'utf8')
  const done = await host.purge()
  const proof = await host.purge('--prove')

  t.equal(before.code, 2, before.text + before.errors)
  t.match(before.text, /^CRITICAL: 8 rows are older than allowed, up to \d+ days, in 5 places \| rows=8;;;0 oldest=\d+s;;;0\n/)
  t.match(before.text, new RegExp(`${host.log('all-events.log-20150520.gz')}: 2 of Kept, up to 100 days old, with clientIp, event.page, recvFrom, userAgent`))
  t.equal(untouched, old + daily + young, 'a dry run changes nothing')
  t.equal(planned.code, 0)
  t.match(planned.text, /all-events\.log-20150521 +Daily +delete +1 .*\n.*|all-events\.log-20150521 +Kept +strip +1 .*clientIp event\.page recvFrom userAgent/)
  t.match(planned.text, /journal all of forwarder-all-events +- +delete +2 /)
  t.match(planned.text, /5 deletions, 3 rows stripped \(.*\) planned\.\n$/)
  t.equal(done.code, 0, done.errors)
  t.equal(done.text.replace(/ done\.\nReport: .*\n$/, ''), planned.text.replace(/ planned\.\n$/, ''))

  t.equal(readFileSync(host.log('all-events.log-20150521'), 'utf8'), stripped(old) + young)
  t.equal(gunzipSync(readFileSync(host.log('all-events.log-20150520.gz'))).toString(), stripped(old) + stripped(old))
  t.strictSame(readdirSync(join(host.directory, 'log')).sort(), ['all-events.log', 'all-events.log-20150520.gz', 'all-events.log-20150521', 'other.log-20150101'])
  t.strictSame(host.journalTimes(), [2, 3])
  t.match(await journal('check', host.state), { code: 0 }, 'the journal is sound')
  t.equal(proof.code, 0, proof.text + proof.errors)
  t.match(proof.text, /^OK: nothing is older than allowed in 2 stores/)
  t.match((await host.purge()).text, /^Nothing done\.\n/)
  t.match(await host.purge('--verify', ...readdirSync(join(host.state, 'purge')).filter(name => name.endsWith('.json')).map(name => join(host.state, 'purge', name))),
    { code: 0, text: /^.*: good, of .*, done\n.*: good, of .*, done\nKey: [0-9a-f]{64}\n$/ })
})

t.test('with the shipped registry, times of NavigationTiming stay and accounts become counts, in SQLite as in files', async t => {
  const host = purgedHost(t, parse(readFileSync(join(projectRoot, 'etc', 'vanadium', 'registry.yaml'), 'utf8')) as object)
  const timing = (age: number, uuid: string): string => eventLine(age, 'NavigationTiming', { isAnon: true, pageId: 7, originCountry: 'DE', responseStart: 131, loadEventEnd: 1500 }, { uuid })
  const account = (age: number, uuid: string): string => eventLine(age, 'ServerSideAccountCreation', { userId: 1, userName: 'Ada', isSelfMade: true, token: '', campaign: '', displayMobile: false }, { uuid })
  const events = host.write('events.log-1', [timing(100, uuidOf(1)), timing(1, uuidOf(2)), account(100, uuidOf(3)), account(100, uuidOf(4)), account(1, uuidOf(5))].join(''))
  const file = join(host.directory, 'events.sqlite')
  t.equal(await startDaemon(t, 'consumer', '--input', `file://${events}`, '--output', `sqlite://${file}`).ended, 0)
  const places = ['--store', `sqlite://${file}`, '--files', events]

  t.match(await host.purge('--prove', ...places), { code: 2, text: /6 rows are older than allowed, up to 100 days, in 3 places/ })
  t.match(await host.purge('--dry-run', ...places), { code: 0, text: /4 deletions, 2 rows stripped, 2 rows aggregated/ })
  const done = await host.purge(...places)
  t.equal(done.code, 0, done.text + done.errors)
  t.match(await host.purge('--prove', ...places), { code: 0 })

  const db = new Database(file, { readonly: true })
  t.teardown(() => { db.close() })
  t.match(db.prepare('SELECT uuid, wiki, event_isAnon, event_pageId, event_originCountry, event_responseStart, userAgent, clientIp FROM NavigationTiming_1 ORDER BY timestamp').all(), [
    { uuid: uuidOf(1), wiki: 'enwiki', event_isAnon: null, event_pageId: null, event_originCountry: null, event_responseStart: 131, userAgent: null, clientIp: null },
    { uuid: uuidOf(2), event_isAnon: 1, event_pageId: 7, event_originCountry: 'DE', event_responseStart: 131, clientIp: 'hash' }
  ])
  t.strictSame(db.prepare('SELECT uuid FROM ServerSideAccountCreation_1').all(), [{ uuid: uuidOf(5) }])
  t.match(db.prepare('SELECT * FROM ServerSideAccountCreation_daily').all(), [{ wiki: 'enwiki' }])
  t.strictSame(readFileSync(events, 'utf8').trim().split('\n').map(line => JSON.parse(line) as { uuid: string, event: object }).map(({ uuid, event }) => [uuid, Object.keys(event)]), [
    [uuidOf(1), ['responseStart', 'loadEventEnd']],
    [uuidOf(2), ['isAnon', 'pageId', 'originCountry', 'responseStart', 'loadEventEnd']],
    [uuidOf(5), ['userId', 'userName', 'isSelfMade', 'token', 'campaign', 'displayMobile']]
  ])
})

function uuidOf (n: number): string {
  return String(n).repeat(32)
}

t.test('what is named is looked at, and nothing else', async t => {
  const host = fullHost(t)

  const done = await host.purge('--files', host.log('other.log-*'))

  t.equal(done.code, 0, done.errors)
  t.notOk(existsSync(host.log('other.log-20150101')))
  t.equal(readFileSync(host.log('all-events.log-20150521'), 'utf8'), old + daily + young)
  t.strictSame(host.journalTimes(), [0, 1, 2, 3])
  t.match(await host.purge('--files', host.log('nothing')), { code: 78, errors: /--files .*nothing: there is no such file/ })
  t.match(await host.purge('--store', 'stdout://'), { code: 78, errors: /--store stdout:.* is no database that it can be/ })
})

t.test('the journal of a daemon that runs is left to it, and proved', async t => {
  const host = purgedHost(t)
  const input = host.write('input', '')
  journalState(host.state, 'forwarder-a', [100, 1])
  host.define('forwarders/a', `--input file://${input}?follow=true`, `--output tcp://127.0.0.1:${await freePort()}?journal=all&journal-age=200d`)
  const daemon = await startReady(t, 'forwarder', '--name', 'a', '--state', host.state, `@${join(host.config, 'forwarders', 'a')}`)

  const run = await host.purge()
  const proof = await host.purge('--prove')

  t.match(run, { code: 0, text: /^Nothing done\./ })
  t.match(proof, { code: 2, text: /journal all of forwarder-a: 1 of several schemas, up to 100 days old, whole/ })
  await daemon.stop()
  t.match(await host.purge(), { code: 0, text: /journal all of forwarder-a +- +delete +1 / })
})

t.test('stopped by a signal it says so, reports what it did, and the same command goes on', async t => {
  const host = purgedHost(t)
  const many = eventLine(100, 'Other').repeat(5000) + eventLine(1, 'Other')
  const names = Array.from({ length: 60 }, (_, i) => `a.log-201501${i}.gz`)
  for (const name of names) host.write(name, many)
  const report = join(host.directory, 'stopped.json')
  const daemon = startDaemon(t, 'purge', '--registry', join(host.directory, 'registry.yaml'), '--config', host.config, '--state', host.state, '--files', host.log('a.log-*'), '--report', report)
  let text = ''
  daemon.child.stdout.on('data', (chunk: Buffer) => { text += chunk.toString() })
  const small = (): number => names.filter(name => readFileSync(host.log(name)).length < 1000).length
  await until('the first file is done', () => small() > 0)

  t.equal(await daemon.stop(), 1)

  t.match(text, /Stopped; the same command goes on\.\n$/)
  const done = small()
  t.ok(done < names.length, 'it was not done yet')
  t.match((JSON.parse(readFileSync(report, 'utf8')) as { report: PurgeReport }).report, { outcome: 'stopped', work: { length: done } })
  t.match(await host.purge('--files', host.log('a.log-*')), { code: 0, text: new RegExp(`${((names.length - done) * 5000).toLocaleString('en-US')} deletions`) })
  t.equal(small(), names.length)
})

t.test('of a run that was killed the next report tells, and the chain is whole', async t => {
  const host = purgedHost(t)
  const many = eventLine(100, 'Other').repeat(5000) + eventLine(1, 'Other')
  const names = Array.from({ length: 30 }, (_, i) => `a.log-201501${i}.gz`)
  for (const name of names) host.write(name, many)
  const daemon = startDaemon(t, 'purge', '--registry', join(host.directory, 'registry.yaml'), '--config', host.config, '--state', host.state, '--files', host.log('a.log-*'))
  await until('the first file is done', () => names.some(name => readFileSync(host.log(name)).length < 1000))
  daemon.child.kill('SIGKILL')
  t.equal(await daemon.ended, 'SIGKILL')

  t.match(await host.purge('--files', host.log('a.log-*')), { code: 0, text: /^The run of \d{4}-.*Z left no report: it was killed, or could not write one\./m })
  t.match(await host.purge('--files', host.log('a.log-*')), { code: 0, text: /^Nothing done\.\nReport: / })

  const reports = readdirSync(join(host.state, 'purge')).filter(name => name.endsWith('.json')).map(name => join(host.state, 'purge', name))
  t.match(await host.purge('--verify', ...reports), { code: 0, text: /^.*: good, of .*, done; before it a run without a report: \d{4}-.*Z\n.*: good, of .*, done\nKey: / })
})

t.test('a file that a daemon appends to is known whatever leads to it', async t => {
  const host = purgedHost(t)
  host.define('consumers/a', '--input tcp://127.0.0.1:8610', `--output file://${host.log('a.log')}`)
  const live = host.write('a.log', old)
  symlinkSync(join(host.directory, 'log'), join(host.directory, 'alias'))

  t.match(await host.purge('--files', join(host.directory, 'alias', '*.log')), { code: 0, text: /^Nothing done\./ })
  t.equal(readFileSync(live, 'utf8'), old)
})
