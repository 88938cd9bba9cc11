import { Readable } from 'node:stream'
import { ConfigError } from '../../errors.js'

/**
 * The name that our `LOAD DATA LOCAL INFILE` statements give. No file: the protocol lets the server ask its client for a file of any
 * name, after any statement, so nothing is ever opened, and all that a server gets is what the present statement sends.
 */
export const rowsName = 'vanadium-rows'

/** What mysql2 asks for the contents of a file. */
export type FileSource = (name: string) => Readable

/** For all statements that send no rows: `breakOff` has to end the connection, as such a server may not answer any more. */
export function noFile (breakOff: (error: Error) => void): FileSource {
  return name => {
    breakOff(new ConfigError('bad-uri', `the server asks for the file "${name}", which no statement names; it got nothing. Is it the database that is meant?`))
    // neither data nor an end
    return new Readable({ read () {} })
  }
}

/** Gives `pieces` to the first request for our name; all others are for `otherwise`. */
export function rowsOnce (pieces: Iterable<Buffer>, otherwise: FileSource): FileSource {
  let rows: Iterable<Buffer> | null = pieces
  return name => {
    if (name !== rowsName || rows === null) return otherwise(name)
    const stream = Readable.from(rows)
    rows = null
    return stream
  }
}
