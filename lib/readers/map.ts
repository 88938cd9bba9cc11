import { mapping, wrapperParams, type WrapperParams } from '../plug-in/functions.js'
import type { ReaderHandler } from '../stream/contracts.js'
import { wrapReader } from '../stream/wrap.js'

export const mapReader: ReaderHandler<WrapperParams> = {
  schemes: ['map'],
  summary: 'Reads another URI; each record becomes what a plug-in\'s function makes of it.',
  examples: ['map:tcp://127.0.0.1:8600?function=without-titles', 'map:file:///var/log/events.log?follow=true&function=without-titles'],
  wraps: true,
  params: wrapperParams,
  async open ({ rest }, { function: name }, ctx) {
    const transform = mapping(name, ctx)
    return wrapReader(await ctx.openReader(rest), transform, ctx)
  }
}
