import { statSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf, StreamError } from '../../lib/errors.js'
import { readManifest } from '../../lib/backup/manifest-file.js'
import type { Manifest } from '../../lib/backup/manifest.js'
import type { Means } from './means.js'

/**
 * The manifest of a file of the backup, if both are there and the file is as long as it should be; whether its bytes are right `vanadium backup verify`
 * tells. What is not is made anew, and said.
 */
export function manifestOf (path: string, { configuration: { to }, log, tally }: Pick<Means, 'configuration' | 'log' | 'tally'>): Manifest | null {
  try {
    const manifest = readManifest(join(to, path))
    if (manifest === null) return null
    const bytes = statSync(join(to, path), { throwIfNoEntry: false })?.size
    if (bytes === manifest.source.bytes) return manifest
    throw new StreamError('cannot-read', bytes === undefined ? `${path} is gone` : `${path} has ${bytes} bytes, and had ${manifest.source.bytes}`)
  } catch (error) {
    if (!(error instanceof StreamError)) throw error
    log.error('a file of the backup is damaged; it is made anew from what there is', { path, reason: messageOf(error) })
    tally.fail(`damaged: ${messageOf(error)}`)
    return null
  }
}
