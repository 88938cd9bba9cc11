import { createInterface } from 'node:readline'
import t from 'tap'
import { needsNetwork, startNetwork } from '../helpers/network.js'
import type { NetworkHost } from '../helpers/network-host.js'
import { until } from '../helpers/wait.js'

const port = 8422
const receiver = `require('node:dgram').createSocket('udp4', message => console.log(String(message))).bind(${port}, () => console.log('ready'))`

/** All datagrams that come to the host. */
async function received (on: NetworkHost): Promise<string[]> {
  const lines: string[] = []
  createInterface({ input: on.spawn(process.execPath, '-e', receiver).stdout }).on('line', line => lines.push(line))
  await until(`${on.name} listens`, () => lines.length > 0)
  return lines
}

t.test('what goes to two hosts by UDP reaches the one, whatever has become of the other', { skip: needsNetwork }, async t => {
  const network = await startNetwork(t, ['a', 'b', 'web'])
  const { a, b, web } = network.hosts
  const [onA, onB] = [await received(a), await received(b)]
  // as vanadium-varnishncsa.service does
  const forwarder = web.daemon('forwarder', '--input', 'stdin://', ...[a, b].flatMap(({ address }) => ['--output', `udp://${address}:${port}`]))
  await forwarder.logged('ready')
  let sent = 0

  /** Sends some lines and resolves when b has them. */
  async function send (): Promise<void> {
    const end = sent + 50
    for (; sent < end; sent++) forwarder.child.stdin.write(`line ${sent}\n`)
    await until(`b has ${end} lines`, () => onB.length === end + 1)
  }

  await send()
  await until('a has them, too', () => onA.length === onB.length)

  network.cut(a)
  await send()
  network.heal(a)
  await send()
  await until('a gets what is sent again', () => onA.at(-1) === onB.at(-1))
  t.equal(onA.length, 101, 'and lacks what was sent meanwhile')

  await a.kill()
  await send()
  t.strictSame(onB.slice(1), Array.from({ length: sent }, (_, i) => `line ${i}`))
  t.equal(await forwarder.stop(), 0)
  t.match(forwarder.log.find(({ level }) => level === 'error'), { message: 'a datagram was refused, or could not be sent, and is lost' })
})
