import { readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'

/** A bit of a file is another one from now on, as on a disk that forgets: neither its length nor its time tells. */
export function flip (path: string, at = 60): void {
  const { atimeMs, mtimeMs } = statSync(path)
  const bytes = readFileSync(path)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(path, bytes)
  utimesSync(path, atimeMs / 1000, mtimeMs / 1000)
}
