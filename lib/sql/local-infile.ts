import { Readable } from 'node:stream'
import { ConfigError } from '../errors.js'

/**
 * The name that our `LOAD DATA LOCAL INFILE` statements give. No file: the protocol lets the server ask its client for a file of any
 * name, after any statement, so nothing is ever opened, and all that a server gets is what the present statement sends.
 */
export const rowsName = 'vanadium-rows'

/** What mysql2 asks for the contents of a file. */
type FileSource = (name: string) => Readable

/** For all statements that send no rows. */
export const noFile: FileSource = name => new Readable({
  read () {
    this.destroy(new ConfigError('bad-uri', `the server asks for the file "${name}", which no statement names; is it the database that is meant? Nothing was sent`))
  }
})

/** Gives `pieces` to the first request for our name; everything else is refused. */
export function rowsOnce (pieces: Iterable<Buffer>): FileSource {
  let rows: Iterable<Buffer> | null = pieces
  return name => {
    if (name !== rowsName || rows === null) return noFile(name)
    const stream = Readable.from(rows)
    rows = null
    return stream
  }
}
