import { filtering, wrapperParams, type WrapperParams } from '../plug-in/functions.js'
import type { ReaderHandler } from '../stream/contracts.js'
import { wrapReader } from '../stream/wrap.js'

export const filterReader: ReaderHandler<WrapperParams> = {
  schemes: ['filter'],
  summary: 'Reads another URI; only the records that a plug-in\'s function wants.',
  examples: ['filter:tcp://127.0.0.1:8600?function=no-bots', 'filter:file:///var/log/events.log?follow=true&function=no-bots'],
  wraps: true,
  params: wrapperParams,
  async open ({ rest }, { function: name }, ctx) {
    const transform = filtering(name, ctx)
    return wrapReader(await ctx.openReader(rest), transform, ctx)
  }
}
