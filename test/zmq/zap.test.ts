import t from 'tap'
import { Publisher, Subscriber } from 'zeromq'
import { parseUri } from '../../lib/stream/uri.js'
import { openSecurity } from '../../lib/zmq/curve.js'
import { closeDomain, openDomain } from '../../lib/zmq/zap.js'
import { testContext } from '../helpers/context.js'
import { equip, streamKeys } from '../helpers/keys.js'
import { shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

t.test('where nobody is asked any more, nobody is let in', async t => {
  const keys = streamKeys(shortDirectory(t))
  const ctx = testContext()
  const security = await openSecurity(parseUri('tcp://127.0.0.1:0'), { curve: keys.server.secretFile, clients: keys.clientsFile, insecure: false }, ctx)
  const [publisher, subscriber] = [new Publisher({ linger: 0 }), equip(new Subscriber({ linger: 0 }), keys.client, keys.server)]
  t.teardown(() => { publisher.close(); subscriber.close() })
  const seen: string[] = []
  for (const event of ['handshake', 'handshake:error:other', 'handshake:error:auth'] as const) publisher.events.on(event, () => { seen.push(event) })
  security.equip(publisher)
  await publisher.bind('tcp://127.0.0.1:0')
  await ctx.end()
  subscriber.connect(publisher.lastEndpoint ?? '')

  await until('it has tried', () => seen.length > 0)
  t.notOk(seen.includes('handshake'))
})

t.test('the handler comes and goes with the streams that need it, however close together', async t => {
  for (let i = 0; i < 20; i++) {
    const domains = await Promise.all([openDomain(() => true), openDomain(() => true)])
    t.not(domains[0], domains[1])
    await Promise.all([closeDomain(domains[0]), openDomain(() => true).then(closeDomain), closeDomain(domains[1])])
  }
})
