import fc from 'fast-check'
import t from 'tap'
import { compileFormat } from '../../lib/event/line-format.js'
import { createOptOut, type ListedUsers, type OptOut } from '../../lib/event/opt-out.js'
import { createEventProcessor, type EventProcessor } from '../../lib/event/processor.js'
import { openSchemas, shippedSchemas } from '../../lib/event/schema-repository.js'
import { createLog } from '../../lib/log.js'
import { RecordError } from '../../lib/errors.js'

const id = 'optedout-7f3a'
const digits = '9007199254740993'

const definition = {
  properties: {
    userId: { type: 'any', required: true },
    action: { type: 'string', enum: ['view', 'edit'] }
  }
}

const directory = t.testdir({
  Named: { '1.json': JSON.stringify(definition) },
  Nameless: { '1.json': JSON.stringify(definition) }
})
const schemas = await openSchemas({ directories: [directory, shippedSchemas()], log: createLog({ level: 'error' }) })

function optOutOf (listed: readonly string[], fields: Record<string, string> = { Named: 'event.userId', Whole: 'wiki' }): OptOut {
  const users: ListedUsers = { isEmpty: listed.length === 0, has: user => listed.includes(user) }
  const map = new Map(Object.entries(fields))
  return createOptOut({ users, fields: () => map, isKnown: schema => schemas.list().some(({ name }) => name === schema) })
}

function processorOf (optOut: OptOut, format = '%q %{recvFrom}s %{seqId}d %t %o'): EventProcessor {
  return createEventProcessor({
    format: compileFormat(format), schemas, hashAddress: address => address, parseUserAgent: agent => agent, maxLine: 4000, hostname: 'here', optOut
  })
}

const rest = 'cp1 17 2014-05-21T09:30:01 -'

function json (event: unknown, schema = 'Named', revision = 1): string {
  return JSON.stringify({ schema, revision, wiki: 'enwiki', event })
}

function query (text: string): string {
  return `?${encodeURIComponent(text)}; ${rest}`
}

t.test('events of a listed user are dropped, those of others are not', async t => {
  const processor = processorOf(optOutOf([id, '123', digits]))

  const of = (event: unknown, schema?: string): string => processor.process(query(json(event, schema))).kind

  t.strictSame(processor.process(query(json({ userId: id }))), { kind: 'dropped', why: 'opted_out', schema: 'Named' })
  t.equal(of({ userId: 123 }), 'dropped', 'a number')
  t.equal(of({ userId: '123' }), 'dropped', 'the same as a string')
  t.equal(processor.process(query(json({ userId: 'DIGITS' }).replace('"DIGITS"', digits))).kind, 'dropped', 'every digit counts')
  t.equal(processor.process(query(json({ userId: 'DIGITS' }).replace('"DIGITS"', '9007199254740992'))).kind, 'valid', 'although both are one double')
  t.equal(of({ userId: [7, { ids: [123] }] }), 'dropped', 'a field stands for all that is below it')
  for (const other of ['optedout-7f3', 'optedout-7f3aa', 'OPTEDOUT-7F3A', 1234, 12, '0123', true, null, 123.5]) t.equal(of({ userId: other }), 'valid', `${other}`)
  for (const text of ['[DIGITS]', '{"a":[{"b":DIGITS}]}', 'DIGITS.0', '9.007199254740993e15', '90071992547409930E-1']) {
    t.equal(processor.process(query(json({ userId: 'X' }).replace('"X"', text.replace('DIGITS', digits)))).kind, 'dropped', text)
    t.equal(processor.process(query(json({ userId: 'X' }).replace('"X"', text.replace('DIGITS', '9007199254740995').replace('0993', '0995')))).kind, 'valid', `${text}, of another user`)
  }
  t.equal(of({ userId: id }, 'Nameless'), 'valid', 'a schema that names no field')
  t.equal(of({ userId: 5, action: 'view' }), 'valid')
})

// seen to fail with `valueAt`
t.test('where a list is on the way to the field, each of its objects counts', async t => {
  const processor = processorOf(optOutOf([id, '123'], { Named: 'event.userId.id' }))

  const of = (userId: unknown): string => processor.process(query(json({ userId }))).kind

  t.strictSame([[{ id: 'x' }, { id }], [{ id: { x: 123 } }], { id }].map(of), ['dropped', 'dropped', 'dropped'])
  t.strictSame([[{ id: 'x' }, { name: id }], [[{ id }]], [id]].map(of), ['valid', 'valid', 'valid'])
})

t.test('what cannot be validated is no way round it', async t => {
  const processor = processorOf(optOutOf([id]))
  const whole = json({ userId: id, action: 'view' })
  const encoded = query(whole)
  const afterId = encoded.indexOf(id) + id.length
  const lines: Record<string, string> = {
    'a value that is not allowed': query(json({ userId: id, action: 'fly' })),
    'a revision that there is not': query(json({ userId: id }, 'Named', 99)),
    'a revision that is none': query(whole.replace('"revision":1', '"revision":"x"')),
    'a schema that there is not': query(json({ userId: id }, 'Nmaed')),
    'no schema': query('{"event":{"userId":"optedout-7f3a"}}'),
    'the field elsewhere': query(JSON.stringify({ schema: 'Named', revision: 1, userId: id, event: {} })),
    'the event as a string': query(JSON.stringify({ schema: 'Named', revision: 1, event: JSON.stringify({ userId: id }) })),
    'a URL that is cut behind the identifier': `${encoded.slice(0, afterId)} ${rest}`,
    'and in the middle of an escape': `${encoded.slice(0, afterId + 2)} ${rest}`,
    'a line that is cut': encoded.slice(0, afterId),
    'a line that is cut later': encoded.slice(0, afterId + 12),
    'JSON that is broken before it': query(whole.replace('{"schema"', '{schema"')),
    'a schema behind the cut': query(`{"event":{"userId":"${id}","act`),
    'single quotes': query(`{'schema':'Named','event':{'userId':'${id}'`),
    'no quotes': query(`{schema:Named,event:{userId:${id},`),
    'an escape in the identifier': query(whole.replace('optedout', '\\u006fptedout').slice(0, -3)),
    'a list that is cut': query(json({ userId: ['x', id, 'y'] }).slice(0, -8)),
    'a list that is cut right behind it': query(json({ userId: ['x', id] }).slice(0, -4)),
    'a list in a string, cut': query(JSON.stringify({ schema: 'Named', event: JSON.stringify({ userId: [7, id, 'y'], x: 'yz' }) }).slice(0, -9)),
    'an object that is cut': query(json({ userId: { name: 'x', ids: [{ id }] } }).slice(0, -5)),
    'a field of the event that is called schema': query(`{"event":{"schema":"Nameless","userId":"${id}"},"schema":"Named","revi`),
    'encoded twice': query(encodeURIComponent(whole)),
    'escapes that are none': query(whole).replace('action', '%ZZ'),
    'not encoded': `${whole.slice(0, -2)} ${rest}`,
    'a format that does not match': `garbage ${whole}`,
    'a line that is too long': query(json({ userId: id, action: 'x'.repeat(5000) })),
    'white space': query('{ "schema" : "Named" ,\t"event" : { "userId" : "optedout-7f3a"'),
    'an event error, sent as an event': query(JSON.stringify({ schema: 'EventError', revision: 14035058, wiki: '', event: { rawEvent: encoded, message: '', code: 'processor', schema: 'Named', revision: 1 } }))
  }

  for (const [name, line] of Object.entries(lines)) {
    t.match(processor.process(line), { kind: 'dropped', why: 'opted_out' }, name)
    t.equal(processor.process(line.replaceAll(/optedout|006fptedout/g, text => text.replace('optedout', 'optedin-').replace('006f', '0069'))).kind === 'dropped', false, `${name}, of another user`)
  }
  t.match(processor.refuse(encoded, new RecordError('bad-encoding', 'x')), { kind: 'dropped' }, 'a line that is refused before')
  t.match(processor.process(query(json({ userId: id, action: 'fly' }, 'Nameless'))), { kind: 'invalid' }, 'a schema that names no field')
})

t.test('under a schema that nobody knows, drops are counted as of none', async t => {
  const processor = processorOf(optOutOf([id]))

  t.strictSame(processor.process(query(json({ userId: id }, 'Nobody'))), { kind: 'dropped', why: 'opted_out', schema: 'unknown' })
})

t.test('a name with a space, or cut off behind a word, is found', async t => {
  const processor = processorOf(optOutOf(['Jürgen Müller']))
  const whole = json({ userId: 'Jürgen Müller', action: 'fly' })

  t.equal(processor.process(query(whole)).kind, 'dropped')
  t.equal(processor.process(query(whole).replaceAll('%20', '+').replace('fly', '%ZZ')).kind, 'dropped', 'as a form encodes it')
  t.equal(processor.process(`${query(whole.slice(0, whole.indexOf('ller') + 4)).replace(/; .*/, '')} ${rest}`).kind, 'dropped', 'cut')
})

t.test('records of every kind are told: events, event errors, dead letters, raw lines', async t => {
  const optOut = optOutOf([id])
  const event = (user: string): string => json({ userId: user, action: 'view' })
  const error = (user: string): string => JSON.stringify({ schema: 'EventError', revision: 14035058, event: { rawEvent: query(event(user)).slice(0, -30), message: '', code: 'processor', schema: 'Named', revision: 1 } })
  const letter = (record: string): string => JSON.stringify({ time: '2014-05-21T09:30:01Z', instance: 'mysql', code: 'refused-by-store', message: 'x', record })
  const kinds: Record<string, (user: string) => string> = {
    event,
    'event error': error,
    'dead letter of an event': user => letter(event(user)),
    'dead letter of an event error': user => letter(error(user)),
    'dead letter of a raw line': user => letter(query(event(user))),
    'client-side line': user => query(event(user)),
    'server-side line': user => `17 EventLogging ${event(user)}`,
    'server-side line, cut': user => `17 EventLogging ${event(user)}`.replace(/","action.*/, '')
  }

  for (const [name, make] of Object.entries(kinds)) {
    t.equal(optOut.inRecord(make(id)), true, name)
    t.equal(optOut.inRecord(make('somebody')), false, `${name}, of another user`)
  }
})

t.test('with nobody in the list nothing is looked at', async t => {
  let asked = 0
  const optOut = createOptOut({ users: { isEmpty: true, has: () => { asked++; return true } }, fields: () => { asked++; return new Map() }, isKnown: () => { asked++; return true } })

  t.equal(processorOf(optOut).process(query(json({ userId: id }))).kind, 'valid')
  t.equal(optOut.inRecord(query(json({ userId: id }))), false)
  t.equal(asked, 0)
})

t.test('what names users without end is not looked through', async t => {
  let asked = 0
  const users: ListedUsers = { isEmpty: false, has: () => { asked++; return false } }
  const optOut = createOptOut({ users, fields: () => new Map([['Named', 'event.userId']]), isKnown: () => true })
  const many = Array.from({ length: 100_000 }, (_, i) => `"userId":"u${i}"`).join(',')

  t.equal(optOut.inRecord(`garbage {"schema":"Named",${many}`), true, 'it goes')
  t.ok(asked <= 1001)
})

t.test('a raw line that holds the identifier whole is never kept, wherever it is cut behind it', async t => {
  const listed = fc.oneof(fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme' }), fc.integer({ min: 1 }).map(String))
    // of these the end cannot be told when the quotation mark behind it is gone
    .filter(user => !/[\\"'\uFFFD%?;]|\s/.test(user))
  const tail = fc.constantFrom('', '%', '%7', '%ZZ', ' ')

  fc.assert(fc.property(listed, fc.nat(200), tail, (user, cut, tail) => {
    const processor = processorOf(optOutOf([user]), '%q %o')
    const encoded = encodeURIComponent(json({ userId: user, action: 'fly', more: 'x'.repeat(40) }))
    const end = encoded.indexOf('userId') + encodeURIComponent(`userId":${JSON.stringify(user)}`).length - '%22'.length

    return processor.process(`?${encoded.slice(0, end + cut)}${tail} -`).kind === 'dropped'
  }), { numRuns: 500 })
  t.pass()
})

t.test('a line that is made to be slow is not', async t => {
  const optOut = optOutOf([id])
  const length = 200_000
  const lines = ['\\', '{"userId":', '[', 'userId:[', 'userId:[\\"', 'userId=+', 'userId=', '?', '%', '%25', '"userId":"\\"', ' ', '+'].map(part => `{"schema":"Named","userId":"${part.repeat(length / part.length)}`)

  for (const line of lines) t.type(optOut.inRecord(line), 'boolean', line.slice(0, 60))
})
