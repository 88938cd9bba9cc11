import { batchOfBytes, recordsOf } from './batch.js'
import type { Writer } from './contracts.js'
import type { Numbering } from './numbering.js'
import { inheritedBy } from './wrap.js'

const newline = 0x0a

/** Puts a number and a space before each record on its way to `writer`. Records are copied as bytes, unparsed. */
export function numbered (writer: Writer, numbering: Numbering): Writer {
  return {
    ...inheritedBy(writer),
    async write (batch) {
      const records = recordsOf(batch)
      const prefixes = numbering(records, writer.holds === true).map(number => `${number} `)
      const bytes = Buffer.allocUnsafe(batch.payload.length + 1 + prefixes.reduce((length, prefix) => length + prefix.length, 0))
      let at = 0
      for (const [i, record] of records.entries()) {
        at += bytes.write(prefixes[i] ?? '', at, 'latin1')
        at += record.copy(bytes, at)
        bytes[at++] = newline
      }
      const numberedBatch = batchOfBytes(bytes, batch.provenance)
      if (numberedBatch !== null) await writer.write(numberedBatch)
    },
    flush: async () => { await writer.flush() },
    close: async () => { await writer.close() }
  }
}
