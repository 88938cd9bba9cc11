import { statSync } from 'node:fs'
import { contentOf, digestOf, lineDifference, type Content, type Digest } from './content.js'
import type { Reading } from './copies.js'
import type { VerifyProgress } from './progress.js'

/** Files are read once, however often somebody asks. */
export function readingOf ({ advance }: Pick<VerifyProgress, 'advance'>, stop: AbortSignal): Reading {
  const digests = new Map<string, Promise<Digest>>()
  const contents = new Map<string, Promise<Content>>()
  return {
    digest: async file => await once(digests, file, async () => await digestOf(file, [], advance, stop)),
    content: async (file, kind) => await once(contents, file, async () => {
      const content = await contentOf(file, kind, stop)
      advance(statSync(file, { throwIfNoEntry: false })?.size ?? 0)
      return content
    }),
    compare: async (good, bad) => await lineDifference(good, bad, stop)
  }
}

async function once<T> (known: Map<string, Promise<T>>, file: string, read: () => Promise<T>): Promise<T> {
  let reading = known.get(file)
  if (reading === undefined) known.set(file, reading = read())
  return await reading
}
