import type { Writer } from '../stream/contracts.js'
import { Schemes } from '../stream/schemes.js'
import { fileWriter } from './file.js'
import { filterWriter } from './filter.js'
import { mapWriter } from './map.js'
import { mysqlWriter } from './mysql.js'
import { optOutWriter } from './opt-out.js'
import { sqliteWriter } from './sqlite.js'
import { statsdWriter } from './statsd.js'
import { stdoutWriter } from './stdout.js'
import { tcpWriter } from './tcp.js'
import { udpWriter } from './udp.js'

/** Everything that can be written without a plug-in. */
export function builtInWriters (): Schemes<Writer> {
  return new Schemes<Writer>('writer')
    .add(tcpWriter)
    .add(mysqlWriter)
    .add(sqliteWriter)
    .add(fileWriter)
    .add(udpWriter)
    .add(stdoutWriter)
    .add(statsdWriter)
    .add(filterWriter)
    .add(mapWriter)
    .add(optOutWriter)
}
