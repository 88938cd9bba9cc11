import { messageOf, RecordError } from '../../errors.js'
import { classify, isKnown, numberOf } from '../errors.js'
import type { Link } from './session.js'

/** Ways to change a table, the one that disturbs least first; not every server and every table knows each. */
export const online = [', ALGORITHM=INPLACE, LOCK=NONE', ''] as const
export const instantly = [', ALGORITHM=INSTANT', ...online] as const

/** Unknown algorithm, algorithm or lock not possible here, unknown word. */
const otherWay = [1800, 1845, 1846, 1064]

/** False if somebody else has done it meanwhile. */
export async function alter (link: Link, table: string, statement: string, ways: readonly string[]): Promise<boolean> {
  for (const way of ways.slice(0, -1)) {
    try {
      return await change(link, table, statement + way)
    } catch (error) {
      const cause = error instanceof RecordError ? error.cause : error
      if (!otherWay.includes(numberOf(cause))) throw error
    }
  }
  return await change(link, table, statement + (ways.at(-1) ?? ''))
}

/** Table, column or key exists. */
const alreadyThere = [1050, 1060, 1061]

const tooWide = 1118
const hint = '; give the schema fewer fields, or set innodb_strict_mode=OFF on the server and all its replicas; or, where the table is there, make a VARCHAR of it MEDIUMTEXT'

const lockWaitTimeout = 1205

/** False if somebody else has done it meanwhile. Throws `RecordError` for what no server of this kind can have. */
export async function change (link: Link, table: string, statement: string): Promise<boolean> {
  try {
    await link.requireWritable()
    await link.execute(statement)
    return true
  } catch (error) {
    const number = numberOf(error)
    if (alreadyThere.includes(number)) return false
    // too many columns, too wide, a name the server keeps: there are more such errors than anybody lists, and none may hold up other schemas
    if (number > 0 && (!isKnown(number) || classify(error) === 'row')) throw new RecordError('refused-by-store', `table ${table} cannot be made: ${messageOf(error)}${number === tooWide ? hint : ''}`, { cause: error })
    if (number !== lockWaitTimeout) throw error
    throw Object.assign(new Error(`table ${table} cannot be altered while a transaction of somebody else uses it (SHOW PROCESSLIST shows whose); rows of its schema wait`, { cause: error }), { errno: number })
  }
}
