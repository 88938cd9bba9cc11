import type { LongStringChoice } from '../../../lib/sql/long-strings.js'
import type { PlugInStep } from '../../../tools/explain/candidates.js'
import type { End } from '../../../tools/explain/line.js'

/** A record, and how its way ends. Each has a golden file of its name in test/fixtures/explain. */
export interface Case {
  readonly record: string | Buffer
  readonly end: End | null
  readonly formats?: readonly string[]
  readonly longStrings?: LongStringChoice
  readonly maxLine?: number
  readonly keepsInvalid?: boolean
  readonly steps?: readonly PlugInStep[]
  readonly registry?: string
  /** The row is in the store already. */
  readonly isThere?: boolean
}

export const clientSide = '%q %{recvFrom}s %{seqId}d %t %h %{userAgent}i'
export const serverSide = '%{seqId}d EventLogging %j'

const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'

function beacon (capsule: unknown, { time = '2014-05-21T09:30:01', seqId = '17', userAgent = firefox } = {}): string {
  return `?${encodeURIComponent(typeof capsule === 'string' ? capsule : JSON.stringify(capsule))}; cp1.example.org ${seqId} ${time} 203.0.113.9 ${userAgent}`
}

function edit (event: object, more: object = {}): Record<string, unknown> {
  return { schema: 'Edit', revision: 1, wiki: 'enwiki', event, ...more }
}

const save = { action: 'save', bytes: 1234, page: { id: 7 } }
const server = { recvFrom: 'mw1', timestamp: 1_400_664_601 }

const kept = `
schemas:
  Edit:
    owners: [ann@example.org]
    retention:
      days: 30
      keep: [event.action, wiki]
      anonymise: { event.bytes: { bucket: 100 }, event.page.title: { truncate: 3 }, event.summary: hash }
      aggregate: { by: [wiki], of: [event.bytes] }
`

const sampled = 'schemas: { Edit: { sampling: { rate: 0.5, by: event.summary } } }'
const users = 'schemas: { Edit: { user: event.page.id } }'

export const cases: Readonly<Record<string, Case>> = {
  stored: { record: beacon(edit(save)), end: 'passed' },
  'stored-server-side': { record: `17 EventLogging ${JSON.stringify(edit(save, server))}`, end: 'passed' },
  'stored-tidied': { record: beacon(edit([], { schema: 'Empty', isTruncated: false, clientValidated: true, seqId: 5, recvFrom: 'me' })), end: 'passed' },
  'stored-and-stripped': { record: beacon(edit({ ...save, summary: 'x', page: { id: 7, title: 'Berlin' } })), end: 'passed', registry: kept },
  'stored-for-longer': { record: beacon(edit(save)), end: 'passed', registry: 'schemas: { Edit: { retention: { days: 400, reason: "a study of a year", until: "9999-12-31" } } }' },
  'stored-cut': { record: beacon(edit({ ...save, summary: 'a long summary '.repeat(100) })), end: 'passed' },
  'stored-internal': { record: beacon({ ...edit({ front: 'udp', host: 'mw1', sent: 1_400_664_601_000, uuid: '16f38999d94d549cb426b5fb32bc8bba' }), schema: 'Canary' }), end: 'passed' },
  'stored-meta': { record: '18 EventLogging {"meta":{"id":"b0caf18d-6c7f-4403-947d-2712bbe28610","dt":"2014-05-21T09:30:01Z","schema_uri":"x/Page/1"},"title":"Berlin"}', end: 'passed' },
  'stored-event-error': { record: beacon({ ...edit({ rawEvent: 'x', message: 'y', code: 'processor', schema: 'Edit', revision: 1 }), schema: 'EventError', revision: 14_035_058 }), end: 'passed' },
  'stored-unless-filtered': { record: beacon(edit(save)), end: 'passed', steps: [{ scheme: 'filter', name: 'no-bots', isBefore: true }, { scheme: 'map', name: 'shorten', isBefore: false }] },
  'stored-open': { record: beacon({ ...edit({ name: 'x', more: 1, page: { id: 7, deep: { a: 1 } } }), schema: 'Open' }), end: 'passed' },
  'stored-with-own-address': { record: beacon(edit(save, { clientIp: '203.0.113.9' })), end: 'passed' },
  'stored-with-large-numbers': { record: JSON.stringify({ ...edit({ action: 'save', bytes: 0, page: { id: 7 } }, server), uuid: '16f38999d94d549cb426b5fb32bc8bba' }).replace('"bytes":0', '"bytes":9007199254740993'), end: 'passed' },
  'stored-for-longer-and-over': { record: beacon(edit(save), { time: '2100-05-21T09:30:01' }), end: 'passed', registry: 'schemas: { Edit: { retention: { days: 400, reason: "a study of a year", until: "2100-09-30" } } }' },
  'stored-event-error-kept-whole': { record: beacon('{'), end: 'passed', registry: 'schemas: { EventError: { retention: { keep: [event.message] } } }' },
  'stored-and-never-kept': { record: beacon(edit(save)), end: 'passed', registry: 'schemas: { Edit: { retention: { keep: [event], anonymise: { event.page: hash } } } }' },
  duplicate: { record: beacon(edit(save)), end: 'duplicate', isThere: true },

  sampled: { record: beacon(edit({ ...save, summary: 'session-1' })), end: 'sampled', registry: sampled },
  'stored-of-a-sample': { record: beacon(edit({ ...save, summary: 'session-3' })), end: 'passed', registry: sampled },
  'sampled-by-itself': { record: beacon(edit(save)), end: 'sampled', registry: sampled },
  'opted-out': { record: beacon(edit({ ...save, page: { id: 7 } })), end: 'opted_out', registry: users },
  'opted-out-and-not-valid': { record: beacon(edit({ action: 'fly', page: { id: 7 } })), end: 'opted_out', registry: users },
  'opted-out-and-not-json': { record: beacon('{"schema":"Edit","event":{"id":7,}'), end: 'opted_out', registry: users },
  'stored-of-a-user': { record: beacon(edit({ ...save, page: { id: 8 } })), end: 'passed', registry: users },

  'no-match': { record: `cp1 ${beacon(edit(save))}`, end: 'passed', formats: [clientSide] },
  'no-match-of-several': { record: 'GET /favicon.ico', end: 'passed' },
  'no-match-from-the-time-on': { record: beacon(edit(save), { time: 'yesterday' }), end: 'passed' },
  'bad-time': { record: beacon(edit(save), { time: '2014-02-30T09:30:01' }), end: 'passed' },
  'bad-number': { record: beacon(edit(save), { seqId: '9'.repeat(20) }), end: 'passed' },
  'bad-user-agent': { record: beacon(edit(save), { userAgent: 'x'.repeat(801) }), end: 'passed', formats: ['%q %{recvFrom}s %{seqId}d %t %h %u'] },
  'too-long': { record: beacon(edit({ ...save, summary: 'x'.repeat(500) })), end: 'passed', maxLine: 300 },
  'not-utf-8': { record: Buffer.concat([Buffer.from('17 EventLogging {"schema":"Edit","wiki":"'), Buffer.from([0xe9, 0xff]), Buffer.from('"}')]), end: 'passed' },
  'broken-percent-encoding': { record: `?%7B%22schema%22%3A%ZZ%7D; cp1 17 2014-05-21T09:30:01 203.0.113.9 ${firefox}`, end: 'passed' },
  'not-json': { record: beacon('{"schema":"Edit",}'), end: 'passed' },
  empty: { record: beacon(''), end: 'passed' },
  'not-an-object': { record: beacon([1, 2]), end: 'passed' },
  'infinite-number': { record: beacon('{"schema":"Edit","revision":1,"wiki":"enwiki","event":{"action":"save","anything":1e400}}'), end: 'passed' },
  'nested-too-deep': { record: beacon(`{"schema":"Edit","revision":1,"wiki":"enwiki","event":{"action":"save","anything":${'['.repeat(9000)}${']'.repeat(9000)}}}`), end: 'passed' },

  'no-schema': { record: beacon({ revision: 1, wiki: 'enwiki', event: save }), end: 'passed' },
  'no-revision': { record: beacon({ schema: 'Edit', wiki: 'enwiki', event: save }), end: 'passed' },
  'no-schema-uri': { record: '18 EventLogging {"meta":{"id":"x"},"title":"Berlin"}', end: 'passed' },
  'unknown-schema': { record: beacon(edit(save, { schema: 'Edits' })), end: 'passed' },
  'unknown-revision': { record: beacon(edit(save, { revision: 99 })), end: 'passed' },
  'refused-schema': { record: beacon(edit({ token: 'x' }, { schema: 'Refused' })), end: 'passed' },
  'not-valid': { record: beacon(edit({ action: 'fly', bytes: '12', tags: ['a', 5], page: { title: 'x'.repeat(30) }, sumary: 'x' }, { extra: 1 })), end: 'passed' },
  'not-valid-and-only-logged': { record: beacon(edit({ action: 'fly' })), end: 'logged', keepsInvalid: false },

  'refused-long-string': { record: beacon(edit({ ...save, summary: 'a long summary '.repeat(100) })), end: 'dead_letter', longStrings: 'refuse' },
  'refused-integer': { record: beacon('{"schema":"Edit","revision":1,"wiki":"enwiki","event":{"action":"save","bytes":123456789012345678901}}'), end: 'dead_letter' },
  'refused-without-uuid': { record: '18 EventLogging {"meta":{"schema_uri":"x/Page/1"},"title":"Berlin"}', end: 'dead_letter' },
  'refused-table': { record: beacon(edit({}, { schema: 'Wide' })), end: 'dead_letter' },

  'refused-unknown-schema': { record: JSON.stringify({ ...edit(save, server), schema: 'Edits', uuid: '16f38999d94d549cb426b5fb32bc8bba' }), end: 'dead_letter' },
  'refused-refused-schema': { record: JSON.stringify({ ...edit({ token: 'x' }, server), schema: 'Refused', uuid: '16f38999d94d549cb426b5fb32bc8bba' }), end: 'dead_letter' },

  'in-an-event-error': { record: JSON.stringify({ schema: 'EventError', revision: 14_035_058, wiki: '', recvFrom: 'cp1', timestamp: 1_400_664_601, uuid: '16f38999d94d549cb426b5fb32bc8bba', event: { rawEvent: beacon(edit(save)), message: 'there is no schema Edit/1', code: 'validation', schema: 'Edit', revision: 1 } }), end: 'passed' },
  'in-an-event-error-and-not-whole': { record: JSON.stringify({ schema: 'EventError', revision: 14_035_058, wiki: '', recvFrom: 'cp1', timestamp: 1_400_664_601, uuid: '16f38999d94d549cb426b5fb32bc8bba', event: { rawEvent: '17 EventLogging {"a":"\ufffd"}', message: 'x', code: 'processor', schema: 'Edit', revision: 1 } }), end: null },
  'in-a-dead-letter': { record: JSON.stringify({ time: '2014-05-21T09:30:02.000Z', instance: 'mysql', code: 'refused-by-store', message: 'x', record: JSON.stringify({ ...edit(save, server), uuid: '16f38999d94d549cb426b5fb32bc8bba' }) }), end: 'passed' },
  'an-event': { record: JSON.stringify({ ...edit(save, server), uuid: '16f38999d94d549cb426b5fb32bc8bba' }), end: 'passed' }
}
