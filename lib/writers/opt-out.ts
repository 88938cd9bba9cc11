import { withoutRecords } from '../event/composition.js'
import { batchOfRecords, recordsOf } from '../stream/batch.js'
import type { Context, WriterHandler } from '../stream/contracts.js'
import { streamOf } from '../stream/uri.js'
import { wrapWriter, type Transform } from '../stream/wrap.js'

/** For what has not been through a processor: raw lines name users too. */
export const optOutWriter: WriterHandler = {
  schemes: ['opt-out'],
  summary: 'Writes to another URI what is not of users who opted out (`--optout`, and the field `user` of the registry), raw lines too; what is left out is counted as `opted_out`.',
  examples: ['opt-out:file:///var/log/vanadium/client-side-events.log'],
  wraps: true,
  params: { type: 'object', properties: {}, additionalProperties: false },
  async open ({ rest }, _params, ctx) {
    const transform = leavingOut(ctx)
    return wrapWriter(await ctx.openWriter(rest), transform, streamOf(rest), ctx)
  }
}

/** Keeps the records of all others, as the bytes they are. */
function leavingOut ({ optOut, metrics }: Context): Transform {
  return batch => {
    const lines = batch.lines()
    const isOut = lines.map(line => optOut.inRecord(line))
    const count = isOut.filter(Boolean).length
    if (count === 0) return batch
    metrics.increment('opted_out', count)
    const { provenance } = batch
    const left = provenance === null ? null : { ...provenance, schemas: withoutRecords(provenance.schemas, lines.filter((_, i) => isOut[i] === true)) }
    return batchOfRecords(recordsOf(batch).filter((_, i) => isOut[i] === false), left)
  }
}
