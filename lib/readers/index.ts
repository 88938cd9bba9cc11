import type { Reader } from '../stream/contracts.js'
import { Schemes } from '../stream/schemes.js'
import { fileReader } from './file.js'
import { filterReader } from './filter.js'
import { httpReader } from './http.js'
import { mapReader } from './map.js'
import { stdinReader } from './stdin.js'
import { tcpReader } from './tcp.js'
import { udpReader } from './udp.js'

/** Everything that can be read without a plug-in. */
export function builtInReaders (): Schemes<Reader> {
  return new Schemes<Reader>('reader')
    .add(tcpReader)
    .add(udpReader)
    .add(httpReader)
    .add(stdinReader)
    .add(fileReader)
    .add(filterReader)
    .add(mapReader)
}
