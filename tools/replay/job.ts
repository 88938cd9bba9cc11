import { createHash } from 'node:crypto'
import type { Position } from '../../lib/stream/contracts.js'
import type { State } from '../../lib/stream/state.js'
import type { RecordFile } from './files.js'

/** What a replay is known by, besides its files: each of them has a position of its own, so that one may come in later. */
export interface JobParts {
  /** Absolute, and as it was written: `-2h` means what it meant at the start for as long as the job is not done. */
  readonly range: { readonly from: number | null, readonly to: number | null }
  readonly rangeText: readonly string[]
  readonly isRelative: boolean
  /** All else that determines which records go where: schemas, arguments of the processor, outputs. */
  readonly rest: readonly string[]
}

/** A replay that is remembered: how far each file was sent, and when all of it was done. */
export interface Job {
  readonly range: JobParts['range']
  /** When it was done, as ISO 8601; null if it was not, or not remembered. */
  readonly doneAt: string | null
  /** Records of the file that were sent, or left out. */
  sent (file: RecordFile): number
  /** Put into the state, for `drive` to save with what came of the records. */
  reach (file: RecordFile, records: number): void
  /** From the start, once more. */
  forget (files: readonly RecordFile[]): void
  finish (): void
}

/** The job in the state, also one that is new; without a state (a dry run where nothing was ever replayed) nothing is remembered. */
export function openJob ({ range, rangeText, isRelative, rest }: JobParts, state: State | null): Job {
  const rangeKey = `replay-range:${digest([...rangeText, ...rest])}`
  const stored = isRelative ? storedRange(state?.position(rangeKey) ?? '') : null
  const inForce = stored ?? range
  const id = digest([String(inForce.from), String(inForce.to), ...rest])
  const doneKey = `replay-done:${id}`
  const fileKey = ({ id: file }: RecordFile): string => `replay:${id}:${file}`

  return {
    range: inForce,
    get doneAt () { return textOrNull(state?.position(doneKey)) },
    sent: file => Number(state?.position(fileKey(file)) ?? 0),
    reach (file, records) {
      if (isRelative && stored === null) state?.remember(rangeKey, JSON.stringify(range))
      state?.remember(fileKey(file), String(records))
    },
    forget (files) {
      for (const file of files) state?.note(fileKey(file), '0')
      state?.note(doneKey, '')
    },
    finish () {
      state?.note(doneKey, new Date().toISOString())
      // the next time it is another range
      if (isRelative) state?.note(rangeKey, '')
    }
  }
}

function storedRange (text: string): JobParts['range'] | null {
  return text === '' ? null : JSON.parse(text) as JobParts['range']
}

function textOrNull (position: Position | null | undefined): string | null {
  return position === null || position === undefined || position === '' ? null : position
}

function digest (parts: readonly string[]): string {
  return createHash('sha1').update(JSON.stringify(parts)).digest('hex')
}
