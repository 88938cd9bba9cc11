import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openSigningKey, openVerifyingKey, publicName } from '../../../tools/purge/signing.js'
import { shortDirectory } from '../../helpers/streams.js'
import { requireRoom, verifyReports, writeReport, type Link, type PurgeReport } from '../../../tools/purge/report.js'

function reportOf (day: number, previous: Link | null): PurgeReport {
  return {
    host: 'h',
    version: '1',
    started: `2015-05-${day}T03:15:00.000Z`,
    ended: `2015-05-${day}T03:16:00.000Z`,
    outcome: 'done',
    stores: ['files'],
    policies: {},
    work: [{ place: 'é "x"', schema: 'S', action: 'delete', rows: 5, bytes: 7.5, fields: [] }],
    failures: [],
    previous,
    unreported: []
  }
}

/** Three nights, each of whose reports names the one before it. */
function nights (t: Test): { files: [string, string, string], key: string } {
  const directory = shortDirectory(t)
  const key = join(directory, 'keys', 'purge.key')
  const files = ['20', '21', '22'].map(day => join(directory, `${day}.json`)) as [string, string, string]
  let previous: Link | null = null
  for (const [i, file] of files.entries()) previous = writeReport(file, reportOf(20 + i, previous), openSigningKey(key))
  return { files, key }
}

function faults (files: string[], key: string): Array<string | null> {
  return verifyReports(files, openVerifyingKey(key)).map(({ fault }) => fault)
}

t.test('reports are good as they were written, in whatever order they are given, also for who has the public key alone', async t => {
  const { files, key } = nights(t)

  t.strictSame(faults(files.toReversed(), key), [null, null, null])
  t.strictSame(faults(files, publicName(key)), [null, null, null])
  t.equal(statSync(key).mode & 0o777, 0o600)
  t.strictSame(Object.keys(JSON.parse(readFileSync(files[0], 'utf8')) as object), ['report', 'key', 'signature'])
})

t.test('what was changed, in the report or its signature, or signed by somebody else, is not good', async t => {
  const { files: [first, second, third], key } = nights(t)
  const other = nights(t)
  writeFileSync(first, readFileSync(first, 'utf8').replace('"rows": 5', '"rows": 4'))
  writeFileSync(second, readFileSync(second, 'utf8').replace(/"signature": "..../, '"signature": "AAAA'))
  writeFileSync(third, '{"no": "report"}')

  t.strictSame(faults([first], key), ['it is not as it was signed'])
  t.strictSame(faults([second], key), ['it is not as it was signed'])
  t.strictSame(faults([third], key), ['it is no report'])
  t.match(faults([other.files[0]], key), [/^it was signed with another key/])
})

t.test('one that was left out is missed, and so is one that was put in', async t => {
  const { files: [first, second, third], key } = nights(t)
  const inserted = join(shortDirectory(t), 'x.json')
  writeReport(inserted, { ...reportOf(21, null), started: '2015-05-21T12:00:00.000Z' }, openSigningKey(key))

  t.match(faults([first, third], key), [null, /^it does not follow .*20\.json: it names 21\.json as the one before it$/])
  t.match(faults([first, second, inserted, third], key), [null, null, /it names no report as the one before it/, /it names 21\.json/])
})

t.test('a report never takes the place of another, and a place that cannot be written shows before anything is done', async t => {
  const { files: [first] } = nights(t)

  t.throws(() => { requireRoom(first) }, { code: 'bad-option', message: /--report .*20\.json: it is there already; name a new file/ })
  t.throws(() => { requireRoom(join(first, 'x.json')) }, { code: 'bad-option' })
})

t.test('a key that is none is the operator\'s mistake', async t => {
  const file = join(shortDirectory(t), 'a.key')
  writeFileSync(file, 'nonsense', { mode: 0o600 })

  t.throws(() => openSigningKey(file), { code: 'bad-option', message: /--key .*a\.key: .*; name a private Ed25519 key in PEM/ })
  t.throws(() => openVerifyingKey(join(file, 'x')), { code: 'bad-credentials', message: /--key .*x cannot be read/ })
})
