import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The folder with package.json: the checkout, also when running from `dist/`. */
export const projectRoot = findRoot(import.meta.dirname)

/** `shared/data` beside the checkout, where the real schemas, events and line vectors are; null if it is not there. */
export const sharedData = existing(process.env['VANADIUM_SHARED_DATA'] ?? join(projectRoot, '..', 'shared', 'data'))

/** What a test says when it is skipped for lack of them. */
export const needsSharedData = sharedData === null ? 'needs shared/data beside the checkout, or VANADIUM_SHARED_DATA' : false

function findRoot (from: string): string {
  let at = from
  while (!existsSync(join(at, 'package.json')) || at.endsWith('dist')) {
    const up = dirname(at)
    if (up === at) throw new Error(`no package.json above ${from}`)
    at = up
  }
  return at
}

function existing (path: string): string | null {
  return existsSync(path) ? path : null
}
