import { accessSync, closeSync, constants, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { ConfigError, messageOf } from '../../lib/errors.js'
import type { Policy } from '../../lib/purge/rules.js'
import type { Work } from '../../lib/purge/store.js'
import { sha256, type SigningKey, type VerifyingKey } from './signing.js'

/** What a purge has done, for who must be able to show it. */
export interface PurgeReport {
  readonly host: string
  readonly version: string
  /** ISO 8601; ages were counted back from the start. */
  readonly started: string
  readonly ended: string
  /** `failed`: something could not be dealt with. */
  readonly outcome: 'done' | 'stopped' | 'failed'
  readonly stores: readonly string[]
  readonly policies: Readonly<Record<string, Policy>>
  readonly work: readonly Work[]
  readonly failures: readonly string[]
  /** The report before this one, so that none can be left out; null for the first. */
  readonly previous: Link | null
  /** When runs between that one and this began that have left no report. */
  readonly unreported: readonly string[]
}

export interface Link {
  readonly file: string
  /** Of its bytes. */
  readonly sha256: string
}

interface Signed {
  readonly report: PurgeReport
  /** Fingerprint of the public key. */
  readonly key: string
  /** Ed25519, in base64, of the report as JSON without white space. */
  readonly signature: string
}

/** Where reports are, unless somebody says otherwise, of the states in a directory. */
export function reportsIn (state: string): string {
  return join(state, 'purge')
}

/** The key that signs them. */
export function keyIn (state: string): string {
  return join(reportsIn(state), 'purge.key')
}

/** What is done must not go unreported: throws `ConfigError` before if there cannot be a report, or is one already. */
export function requireRoom (file: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o750 })
    accessSync(dirname(file), constants.W_OK)
  } catch (cause) {
    throw cannotWrite(file, messageOf(cause), cause)
  }
  if (existsSync(file)) throw cannotWrite(file, 'it is there already', undefined)
}

function cannotWrite (file: string, reason: string, cause: unknown): ConfigError {
  return new ConfigError('bad-option', `--report ${file}: ${reason}; name a new file in a directory that this user can write`, { cause })
}

/** Writes a report that is there whole or not at all. Returns what the next one names it by. */
export function writeReport (file: string, report: PurgeReport, key: SigningKey): Link {
  const signed: Signed = { report, key: key.fingerprint, signature: key.sign(JSON.stringify(report)) }
  const text = `${JSON.stringify(signed, null, 1)}\n`
  try {
    writeFileSync(`${file}.new`, text, { mode: 0o640, flush: true })
    renameSync(`${file}.new`, file)
    const directory = openSync(dirname(file), 'r')
    fsyncSync(directory)
    closeSync(directory)
  } catch (cause) {
    throw cannotWrite(file, messageOf(cause), cause)
  }
  return { file: basename(file), sha256: sha256(text) }
}

/** A report that was looked at. */
export interface Verified {
  readonly file: string
  /** Null if it is good. */
  readonly fault: string | null
  readonly report: PurgeReport | null
}

/** Looks at signatures, and, of several, whether each follows the one before it. In the order in which they were made. */
export function verifyReports (files: readonly string[], key: VerifyingKey): Verified[] {
  const read = [...new Set(files)].map(file => ({ file, ...readReport(file, key) }))
    .sort((a, b) => (a.report?.started ?? '') < (b.report?.started ?? '') ? -1 : 1)
  return read.map(({ file, fault, report }, i) => {
    const before = read[i - 1]
    const follows = before === undefined || report === null || report.previous?.sha256 === before.hash
    return { file, report, fault: fault ?? (follows ? null : `it does not follow ${before.file}: it names ${report.previous === null ? 'no report' : report.previous.file} as the one before it`) }
  })
}

function readReport (file: string, key: VerifyingKey): { fault: string | null, report: PurgeReport | null, hash: string } {
  let text
  try {
    text = readFileSync(file)
  } catch (cause) {
    throw new ConfigError('bad-option', `--verify ${file}: ${messageOf(cause)}; name reports of vanadium purge`, { cause })
  }
  const hash = sha256(text)
  try {
    const { report, signature, key: fingerprint } = JSON.parse(text.toString()) as Partial<Signed>
    if (report === undefined || typeof signature !== 'string') return { fault: 'it is no report', report: null, hash }
    if (!key.verify(JSON.stringify(report), signature)) return { fault: fingerprint === key.fingerprint ? 'it is not as it was signed' : `it was signed with another key, ${String(fingerprint).slice(0, 16)}…`, report, hash }
    return { fault: null, report, hash }
  } catch (error) {
    return { fault: `it is no report: ${messageOf(error)}`, report: null, hash }
  }
}
