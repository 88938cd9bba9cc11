import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { codeOf, ConfigError, messageOf } from '../../lib/errors.js'
import { replaceFile } from '../../lib/file/replace.js'
import { defaultRegistryFile, fragmentDirectory, type Drafts } from '../../lib/registry/files.js'

/** A copy of a file of a registry, to be edited: nobody else may read it, as the file may have a password in it. */
export interface Draft {
  /** What it is a copy of. */
  readonly file: string
  readonly copy: string
  isChanged (): boolean
  /** As the copy is now. */
  drafts (): Drafts
  /** Puts the copy in the file's place. Throws `ConfigError` if somebody else has changed that meanwhile; then the copy stays. */
  install (): void
  close (): void
}

export function openDraft (path: string | undefined, fragment: string | undefined): Draft {
  const main = path ?? defaultRegistryFile
  const file = fragment === undefined ? main : join(fragmentDirectory(main), `${fragment}.yaml`)
  const base = textOf(file)
  const directory = mkdtempSync(join(tmpdir(), 'vanadium-registry-'))
  const copy = join(directory, basename(file))
  writeFileSync(copy, base ?? 'schemas:\n', { mode: 0o600 })
  const begun = readFileSync(copy, 'utf8')
  let isKept = false

  return {
    file,
    copy,
    isChanged: () => readFileSync(copy, 'utf8') !== begun,
    drafts: () => new Map([[file, readFileSync(copy, 'utf8')]]),
    install () {
      if (textOf(file) !== base) {
        isKept = true
        throw new ConfigError('bad-registry', `${file} has been changed by somebody else meanwhile, and was left as it is; what you wrote is in ${copy}: edit again and put it in`)
      }
      try {
        mkdirSync(dirname(file), { recursive: true })
        // a link stays one
        replaceFile(base === null ? file : realpathSync(file), readFileSync(copy, 'utf8'), statSync(base === null ? main : file, { throwIfNoEntry: false }))
      } catch (cause) {
        isKept = true
        throw new ConfigError('bad-registry', `${file} cannot be written: ${messageOf(cause)}; what you wrote is in ${copy}; run this as a user who may write there`, { cause })
      }
    },
    close () { if (!isKept) rmSync(directory, { recursive: true, force: true }) }
  }
}

/** Null if there is no such file. */
function textOf (file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return null
    throw new ConfigError('bad-registry', `${file} cannot be read: ${messageOf(cause)}; run this as a user who may`, { cause })
  }
}
