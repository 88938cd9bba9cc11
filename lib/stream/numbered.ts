import { batchOfBytes, recordsOf } from './batch.js'
import type { Writer } from './contracts.js'
import type { Sequence } from './state.js'
import { inheritedBy } from './wrap.js'

const newline = 0x0a

/** Puts a sequence number and a space before each record on its way to `writer`. Records are copied as bytes, unparsed. */
export function numbered (writer: Writer, sequence: Sequence): Writer {
  return {
    ...inheritedBy(writer),
    async write (batch) {
      const records = recordsOf(batch)
      const first = writer.holds === true ? sequence.takeHeld(records.length) : sequence.take(records.length)
      const digits = String(first + records.length).length
      const bytes = Buffer.allocUnsafe(batch.payload.length + 1 + records.length * (digits + 1))
      let at = 0
      let number = first
      for (const record of records) {
        at += bytes.write(`${number++} `, at, 'latin1')
        at += record.copy(bytes, at)
        bytes[at++] = newline
      }
      const numberedBatch = batchOfBytes(bytes.subarray(0, at), batch.provenance)
      if (numberedBatch !== null) await writer.write(numberedBatch)
    },
    flush: async () => { await writer.flush() },
    close: async () => { await writer.close() }
  }
}
