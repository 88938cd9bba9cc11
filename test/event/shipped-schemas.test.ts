import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { eventErrorOf } from '../../lib/event/event-error.js'
import type { JsonSchema, Schema } from '../../lib/event/schemas.js'
import { isRefused } from '../../lib/event/schemas.js'
import { openSchemas, shippedSchemas } from '../../lib/event/schema-repository.js'
import { testContext } from '../helpers/context.js'

const repository = await openSchemas({ directories: [shippedSchemas()], log: testContext().log })

const canary = { uuid: '16f38999d94d549cb426b5fb32bc8bba', host: 'vanadium', front: 'udp://127.0.0.1:8421', sent: 1400664601123 }
const examples: Record<string, { good: object[], bad: object[] }> = {
  'Canary/1': { good: [canary], bad: [{}, { ...canary, uuid: 'one' }, { ...canary, sent: -1 }, { ...canary, sent: 1.5 }] },
  'DemoButtonClick/1': {
    good: [{ button: 'save', clicks: 1 }, { button: 'help', clicks: 12, isAnon: true, clientTime: '2014-05-21T09:30:01.123Z', label: 'Help me' }],
    bad: [{}, { button: 'none', clicks: 1 }, { button: 'save', clicks: 0 }, { button: 'save', clicks: 1, clientTime: 'noon' }, { button: 'save', clicks: 1, isAnon: 'yes' }, { button: 'save', clicks: 1, label: 'x'.repeat(201) }]
  },
  'EventCapsule/1': { good: [], bad: [{}] },
  'EventCapsule/2': { good: [], bad: [{}] },
  'EventError/14035058': {
    good: [{ rawEvent: '?', message: 'broken', code: 'processor', schema: 'unknown', revision: -1 }],
    bad: [{ rawEvent: '?', message: 'broken', code: 'other', schema: 'unknown', revision: -1 }, { rawEvent: '?', message: 'broken', code: 'processor', schema: 'unknown', revision: -2 }]
  },
  'NavigationTiming/1': {
    good: [{ isAnon: true }, { isAnon: false, mobileMode: 'beta', originCountry: 'DE', responseStart: 131, loadEventEnd: 1500 }],
    bad: [{}, { isAnon: true, responseStart: -1 }, { isAnon: true, originCountry: 'Germany' }]
  },
  'ServerSideAccountCreation/1': {
    good: [{ userId: 12345, userName: 'Köln', isSelfMade: true, token: '', campaign: '', displayMobile: false }],
    bad: [{ userId: 0, userName: 'x', isSelfMade: true, token: '', campaign: '', displayMobile: false }]
  }
}

function schemaOf (name: string, revision: number): Schema {
  const schema = repository.find(name, revision)
  if (schema === undefined || isRefused(schema)) throw new Error(`${name}/${revision} cannot be used`)
  return schema
}

t.test('the schemas that come with vanadium are these, beside its package.json', t => {
  t.strictSame(repository.list().map(({ name, revision }) => `${name}/${revision}`), Object.keys(examples))
  t.ok(existsSync(join(shippedSchemas(), '..', 'package.json')))
  t.end()
})

t.test('every shipped schema takes its events and refuses others', t => {
  for (const [key, { good, bad }] of Object.entries(examples)) {
    const [name = '', revision = ''] = key.split('/')
    const { validate } = schemaOf(name, Number(revision))
    const capsuleOf = (event: object): object => ({ event, schema: name, revision: Number(revision), wiki: 'enwiki', recvFrom: 'cp1', seqId: 1, timestamp: 1400664601, uuid: '16f38999d94d549cb426b5fb32bc8bba' })
    for (const event of good) t.equal(validate(capsuleOf(event)), null, `${key}: ${JSON.stringify(event)}`)
    for (const event of bad) t.match(validate(capsuleOf(event)), { pointer: /^\/event\/\w+$/ }, `${key}: not ${JSON.stringify(event)}`)
  }
  t.end()
})

t.test('every shipped schema and every field of it is described', t => {
  const fieldsOf = (schema: JsonSchema): JsonSchema[] => [schema, ...Object.values((schema['properties'] ?? {}) as Record<string, JsonSchema>).flatMap(fieldsOf)]
  for (const { name, revision } of repository.list()) {
    const undescribed = fieldsOf(schemaOf(name, revision).definition).filter(({ description }) => typeof description !== 'string' || !/^.{10,}\.$/s.test(description))
    t.strictSame(undescribed, [], name)
  }
  t.end()
})

t.test('event errors are events of their shipped schema', t => {
  const { validate } = schemaOf('EventError', 14035058)
  const fallback = { recvFrom: 'cp1', timestamp: 1400664601 }

  t.equal(validate(eventErrorOf({ code: 'processor', message: 'no match', rawEvent: 'garbage', identity: 'garbage', capsule: null }, fallback)), null)
  t.equal(validate(eventErrorOf({ code: 'validation', message: 'no', rawEvent: '?', identity: '?', capsule: { schema: 'A', revision: 1, wiki: 'x', webHost: 'y', seqId: 5 } }, fallback)), null)
  t.end()
})
