import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { codeOf, ConfigError, messageOf } from '../../lib/errors.js'
import { asideName } from '../../lib/purge/rewrite.js'

/**
 * The files that a pattern names, of which the last part may have `*` and `?`, sorted, with what an interrupted purge has left beside
 * them. Throws `ConfigError` for a file that is not there.
 */
export function filesOf (pattern: string): string[] {
  const path = resolve(pattern)
  const name = basename(path)
  if (!/[*?]/.test(name)) {
    const real = behindLinks(path)
    const there = [real, asideName(real)].filter(existsSync)
    if (there.length === 0) throw new ConfigError('bad-option', `--files ${pattern}: there is no such file; name one, or a pattern as /var/log/vanadium/*.log-*`)
    return there
  }
  return matching(path, `--files ${pattern}`, name => name.replace(/\.purging$/, ''))
}

/**
 * The files whose names are as the last part of an absolute path, in which `*` and `?` stand for others, sorted. `what` is what messages call the pattern; `nameOf` says
 * under which name a file is looked for. Throws `ConfigError` for a directory that cannot be read.
 */
export function matching (path: string, what: string, nameOf = (name: string): string => name): string[] {
  const shape = new RegExp(`^${basename(path).replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.')}$`, 's')
  return namesIn(dirname(path), what).filter(name => shape.test(nameOf(name)) && !name.startsWith('.')).sort().map(name => join(dirname(path), name))
}

function namesIn (directory: string, what: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).filter(entry => entry.isFile() || entry.isSymbolicLink()).map(({ name }) => name)
  } catch (cause) {
    throw new ConfigError('bad-option', `${what}: ${messageOf(cause)}; only the last part of a pattern may have * and ?`, { cause })
  }
}

/** What logrotate makes of a file, what the file writer sets aside, and what a purge leaves of these: `.log-20150521`, `.log.1.gz`, `.log.torn`. */
const rotated = /^(?:[.-]\d[\d-]*(?:\.(?:gz|xz|lzma|bz2|zst|lz4))?|\.torn)(?:\.purging)?$/

/** A log file and what became of it before, as far as it is there. */
export function generationsOf (path: string): string[] {
  try {
    return readdirSync(dirname(path)).filter(name => name.startsWith(basename(path)) && (name === basename(path) || rotated.test(name.slice(basename(path).length))))
      .sort().map(name => behindLinks(join(dirname(path), name)))
  } catch (error) {
    // nothing was written yet
    if (codeOf(error) === 'ENOENT') return []
    throw new ConfigError('bad-option', `${path}: ${messageOf(error)}; run this as the user of the daemons`, { cause: error })
  }
}

/** The file itself: to write or delete a link anew would leave what it stands for as it is. */
export function behindLinks (path: string): string {
  try {
    return realpathSync(path)
  } catch {
    // whoever opens it is told why it cannot be
    return path
  }
}
