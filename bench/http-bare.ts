/** What the http reader is compared with: a server of Node that answers 204 to anything, and keeps nothing. Tells its parent the port. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const server = createServer((_request, response) => { response.writeHead(204).end() })
server.listen(0, '127.0.0.1', () => { process.send?.((server.address() as AddressInfo).port) })
process.on('disconnect', () => { process.exit() })
