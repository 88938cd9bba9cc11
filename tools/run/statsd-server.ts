import { createSocket } from 'node:dgram'
import { once } from 'node:events'

/** As much of StatsD as the table needs: adds up counters, keeps gauges. */
export interface StatsdServer {
  readonly port: number
  /** What was counted since start, and the last value of gauges, by full name. */
  readonly values: ReadonlyMap<string, number>
  /** Resolves when everything that was sent before is in `values`. */
  settled (): Promise<void>
  close (): void
}

/** Names beyond these are not kept. */
const mostNames = 5000
const metric = /^([^:|@\s]{1,250}):([+-]?\d+(?:\.\d+)?)\|(c|g)(?:\|@(0?\.\d+|1))?(?:\||$)/

/** Listens on a port of loopback that the kernel chooses. */
export async function openStatsdServer (): Promise<StatsdServer> {
  const values = new Map<string, number>()
  const socket = createSocket('udp4')
  let marks = 0
  let open = true

  socket.on('message', datagram => {
    for (const line of datagram.toString('latin1').split('\n')) count(values, line)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()

  return {
    port,
    values,
    // datagrams on loopback keep their order: when a mark arrives, all before it have
    async settled () {
      const mark = `mark ${++marks}`
      const arrived = new Promise<void>(resolve => {
        socket.on('message', function look (datagram) {
          if (datagram.toString('latin1') !== mark) return
          socket.off('message', look)
          resolve()
        })
      })
      socket.send(mark, port, '127.0.0.1')
      await arrived
    },
    close () {
      if (open) socket.close()
      open = false
    }
  }
}

function count (values: Map<string, number>, line: string): void {
  const [, name, digits, type, rate] = metric.exec(line) ?? []
  if (name === undefined) return
  const before = values.get(name)
  if (before === undefined && values.size >= mostNames) return
  const value = Number(digits)
  const relative = type === 'c' || digits?.startsWith('+') === true || digits?.startsWith('-') === true
  values.set(name, relative ? (before ?? 0) + value / Number(rate ?? 1) : value)
}
