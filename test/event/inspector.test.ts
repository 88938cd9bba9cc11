import fc from 'fast-check'
import t from 'tap'
import { eventInspector, eventValidator } from '../helpers/schemas.js'

const definition = {
  properties: {
    action: { type: 'string', enum: ['init', 'save'], required: true },
    bytes: { type: 'integer', minimum: 0 },
    tags: { type: 'array', items: { type: 'string' }, maxItems: 2 },
    size: { type: ['integer', { type: 'object', properties: { width: { type: 'integer', required: true } } }] },
    page: { type: 'object', properties: { id: { type: 'integer', required: true } } }
  }
}

// seen to fail when only the first is found, and when each alternative counts
t.test('all that is wrong with an event is found, once each', async t => {
  const inspect = eventInspector(definition)

  const messages = inspect({ action: 'fly', bytes: 1.5, tags: ['a', 5, 6], size: 'x', page: {}, extra: 1 }).map(({ message }) => message)

  t.same(messages.sort(), [
    '/event/action: expected one of "init", "save"; got "fly"',
    '/event/bytes: expected an integer; got 1.5',
    '/event/extra: not a field of Test/1; it has: action, bytes, tags, size, page',
    '/event/page/id: required, but missing',
    '/event/size: expected an integer, or an object; got "x"',
    '/event/tags/1: expected a string; got 5',
    '/event/tags/2: expected a string; got 6',
    '/event/tags: expected at most 2 items; got ["a",5,6]'
  ])
  t.same(inspect({ action: 'init' }), [])
})

t.test('there is a problem if and only if the event does not validate', async t => {
  const [inspect, validate] = [eventInspector(definition), eventValidator(definition)]
  const event = fc.record({
    action: fc.constantFrom('init', 'save', 'fly', 5), bytes: fc.oneof(fc.integer(), fc.string()), tags: fc.jsonValue(), size: fc.jsonValue(), page: fc.jsonValue(), extra: fc.jsonValue()
  }, { requiredKeys: [] })

  fc.assert(fc.property(event, event => {
    const [problems, first] = [inspect(event), validate(event)]
    return first === null ? problems.length === 0 : problems.length > 0 && problems.every(({ pointer, message }) => message.startsWith(pointer))
  }), { numRuns: 1000 })
  t.pass()
})

t.test('however much is wrong, as much is told as somebody can read', async t => {
  t.ok(eventInspector({ properties: { a: { type: 'array', items: { type: 'string' } } } })({ a: Array.from({ length: 50_000 }, () => 1) }).length <= 1000)
})
