/** The other processes of the forwarder's benchmark: `send SOURCE RECORDS`, and `copy SOURCE TARGET`. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Publisher, Subscriber } from 'zeromq'
import { clientLine } from './lines.js'

const [role, from = '', to = ''] = process.argv.slice(2)
if (role === 'send') await send(from, Number(to))
else await copy(from, to)

async function send (endpoint: string, records: number): Promise<void> {
  const socket = new Publisher({ sendHighWaterMark: 0 })
  const messages = Array.from({ length: 1000 }, (_, i) => Buffer.from(clientLine(i)))
  await socket.bind(endpoint)
  let go = false
  // this listener also keeps the process, and with it what is queued, until it is killed
  process.on('message', () => { go = true })
  while (!go) {
    await socket.send('?')
    await sleep(20)
  }
  for (let i = 0; i < records; i++) await socket.send(messages[i % messages.length] ?? '')
}

async function copy (from: string, to: string): Promise<void> {
  const input = new Subscriber({ receiveHighWaterMark: 0 })
  const output = new Publisher({ sendHighWaterMark: 0 })
  await output.bind(to)
  input.connect(from)
  input.subscribe()
  process.send?.('ready')
  for await (const frames of input) await output.send(frames)
}
