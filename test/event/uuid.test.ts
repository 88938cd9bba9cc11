import t from 'tap'
import { uuidOfCapsule, uuidOfUrl } from '../../lib/event/uuid.js'

t.test('a version 5 UUID in the URL namespace', async t => {
  // the same as uuid5(NAMESPACE_URL, …) of Python's standard library
  t.equal(uuidOfUrl('event://cp1001.example.org/?seqId=17&timestamp=1400664601'), '16f38999d94d549cb426b5fb32bc8bba')
  t.match(uuidOfUrl('x'.repeat(5000)), /^[0-9a-f]{12}5[0-9a-f]{3}[89ab][0-9a-f]{15}$/, 'longer than the scratch buffer')
  t.not(uuidOfUrl('é'), uuidOfUrl('e'))
})

t.test('a capsule is identified by who received it, its number, and the second', async t => {
  const seconds = uuidOfCapsule({ recvFrom: 'h', seqId: 1, timestamp: 1400664601 })

  t.equal(uuidOfCapsule({ recvFrom: 'h', seqId: 1, timestamp: 1400664601123 }), seconds, 'milliseconds: the first ten digits')
  t.equal(uuidOfCapsule({ recvFrom: 'h', seqId: 1, timestamp: 1400664601.5 }), seconds)
  t.equal(uuidOfCapsule({ recvFrom: 'h', seqId: 1, dt: '2014-05-21T09:30:01Z' }), uuidOfUrl('event://h/?seqId=1&dt=2014-05-21T09:30:01Z'))
  t.not(uuidOfCapsule({ recvFrom: 'h', seqId: 2, timestamp: 1400664601 }), seconds)
})

t.test('without all three there is none', async t => {
  t.equal(uuidOfCapsule({ recvFrom: 'h', seqId: 1 }), null)
  t.equal(uuidOfCapsule({ recvFrom: 'h', timestamp: 1 }), null)
  t.equal(uuidOfCapsule({ seqId: 1, timestamp: 1 }), null)
})
