import { mapping, wrapperParams, type WrapperParams } from '../plug-in/functions.js'
import type { WriterHandler } from '../stream/contracts.js'
import { streamOf } from '../stream/uri.js'
import { wrapWriter } from '../stream/wrap.js'

export const mapWriter: WriterHandler<WrapperParams> = {
  schemes: ['map'],
  summary: 'Writes to another URI what a plug-in\'s function makes of each record.',
  examples: ['map:tcp://127.0.0.1:8600?function=without-titles', 'map:file:///var/log/vanadium/events.log?fsync=never&function=without-titles'],
  wraps: true,
  params: wrapperParams,
  async open ({ rest }, { function: name }, ctx) {
    const transform = mapping(name, ctx)
    return wrapWriter(await ctx.openWriter(rest), transform, streamOf(rest), ctx)
  }
}
