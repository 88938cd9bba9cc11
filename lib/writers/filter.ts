import { filtering, wrapperParams, type WrapperParams } from '../plug-in/functions.js'
import type { WriterHandler } from '../stream/contracts.js'
import { streamOf } from '../stream/uri.js'
import { wrapWriter } from '../stream/wrap.js'

export const filterWriter: WriterHandler<WrapperParams> = {
  schemes: ['filter'],
  summary: 'Writes to another URI only the records that a plug-in\'s function wants.',
  examples: ['filter:tcp://127.0.0.1:8600?function=no-bots', 'filter:file:///var/log/vanadium/events.log?fsync=never&function=no-bots'],
  wraps: true,
  params: wrapperParams,
  async open ({ rest }, { function: name }, ctx) {
    const transform = filtering(name, ctx)
    return wrapWriter(await ctx.openWriter(rest), transform, streamOf(rest), ctx)
  }
}
