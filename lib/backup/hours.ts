import { isUtf8 } from 'node:buffer'
import { identifyEvent } from '../event/identity.js'
import { partsOf, type Line } from '../purge/lines.js'
import { mysqlDialect } from '../sql/ddl.js'
import { tableName } from '../sql/names.js'
import { parseDateTime, sqlTime, wholeSeconds } from '../sql/times.js'
import { undated, type Hour } from './manifest.js'
import { HourSums, numberOfContent, numberOfKey } from './sums.js'
import { contentExpression, keyExpression, rowsOf, timeExpression, type BackupTable, type Query } from './table.js'

/** What lines have that name no schema. */
const noSchema = '-'

/** Of a JSON log: its lines as `readLines` gives them. An event is in the hour in which a table has it. */
export async function hoursOfLines (lines: AsyncIterable<readonly Line[]>): Promise<Hour[]> {
  const sums = new HourSums()
  for await (const some of lines) for (const line of some) addLine(sums, line)
  return sums.hours
}

export function addLine (sums: HourSums, { bytes, isWhole }: Line): void {
  const { text } = partsOf(bytes)
  const { schema, time, key } = isWhole ? seen(text) : nothing
  sums.add(schema, time, key === null ? 0n : numberOfKey(key), numberOfContent(text))
}

interface Seen {
  readonly schema: string
  readonly time: string | null
  readonly key: string | null
}

const nothing: Seen = { schema: noSchema, time: null, key: null }

function seen (text: Buffer): Seen {
  const event = isUtf8(text) ? objectIn(text.toString()) : null
  const identity = identifyEvent(event)
  if (event === null || identity === null) return { ...nothing, time: event === null ? null : timeOf(event['timestamp'] ?? event['dt'] ?? event['time']) }
  const { id, dt } = (identity.style === 'meta' ? event['meta'] : { id: event['uuid'], dt: event['timestamp'] ?? event['dt'] }) as { id?: unknown, dt?: unknown }
  return { schema: tableName(identity.name, identity.revision), time: timeOf(dt), key: typeof id === 'string' ? id : null }
}

function objectIn (text: string): Record<string, unknown> | null {
  if (!/^\s*\{/.test(text)) return null
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return null
  }
}

/** As tables store it. */
function timeOf (value: unknown): string | null {
  const seconds = typeof value === 'number' ? wholeSeconds(value) : typeof value === 'string' ? parseDateTime(value) : null
  const time = seconds === null ? null : sqlTime(seconds)
  return time === null ? null : `${time.replace(' ', 'T')}Z`
}

/** Ids that a statement looks at: the server keeps what it makes of them in memory. */
const idsTogether = 50_000

/**
 * What a table has: of one day, or, with `null`, of all of them, for which all rows are read once, in order. The server adds up. Changes that are
 * made meanwhile are in it or not. `query` is of a session that `setUpSession` has set up.
 */
export async function hoursOfTable (query: Query, table: BackupTable, day: string | null, stop?: AbortSignal): Promise<Hour[]> {
  const sums = new HourSums()
  const take = async (condition: string): Promise<void> => { await addRows(sums, query, table, condition) }
  if (!table.hasId) {
    await take(rowsOf(table, undated))
  } else if (day === null) {
    for await (const { above, upTo } of idRanges(query, table)) {
      if (stop?.aborted === true) break
      await take(`id > ${above} AND id <= ${upTo}`)
    }
  } else {
    for (const part of day === undated ? [undated] : hoursIn(day)) await take(rowsOf(table, part))
  }
  return sums.hours
}

function hoursIn (day: string): string[] {
  return Array.from({ length: 24 }, (_, hour) => `${day}T${String(hour).padStart(2, '0')}`)
}

async function * idRanges (query: Query, { name }: BackupTable): AsyncGenerator<{ above: bigint, upTo: bigint }> {
  const from = `FROM ${mysqlDialect.quote(name)}`
  const idOf = async (sql: string): Promise<bigint | null> => {
    const [row] = await query(sql)
    return row === undefined || row['id'] === null ? null : BigInt(String(row['id']))
  }
  const last = await idOf(`SELECT MAX(id) AS id ${from}`)
  for (let first = await idOf(`SELECT MIN(id) AS id ${from}`); first !== null && last !== null && first <= last;) {
    const upTo = first - 1n + BigInt(idsTogether)
    yield { above: first - 1n, upTo }
    first = await idOf(`SELECT MIN(id) AS id ${from} WHERE id > ${upTo}`)
  }
}

/** The server makes a row's sums once: a subquery with a limit is not taken apart. */
async function addRows (sums: HourSums, query: Query, table: BackupTable, condition: string): Promise<void> {
  const ascii = (sql: string): string => `CONVERT(${sql} USING ascii)`
  const rows = await query(`
    SELECT LEFT(at, 13) AS hour, COUNT(*) AS count, MIN(at) AS first, MAX(at) AS last, ${[0, 1].map(part => `${sumOf('uuid', part)} AS uuid${part}`).join(', ')},
      ${[0, 1, 2, 3].map(part => `${sumOf('content', part)} AS content${part}`).join(', ')}
    FROM (SELECT ${ascii(timeExpression(table))} AS at, ${ascii(keyExpression(table))} AS uuid, ${ascii(contentExpression(table))} AS content
      FROM ${mysqlDialect.quote(table.name)} WHERE ${condition} LIMIT 18446744073709551615) AS summed
    GROUP BY LEFT(at, 13)`)
  for (const row of rows) {
    const whole = (name: string, parts: number): bigint => Array.from({ length: parts }, (_, part) => BigInt(String(row[`${name}${part}`]))).reduce((sum, part) => (sum << 64n) + part, 0n)
    sums.merge(table.name, row['hour'] === '' ? undated : String(row['hour']), {
      count: Number(row['count']),
      first: String(row['first']),
      last: String(row['last']),
      uuids: whole('uuid', 2),
      content: whole('content', 4)
    })
  }
}

/** Of 64 bits: as many as CONV takes. A sum of a decimal is exact. */
function sumOf (column: string, part: number): string {
  return `CAST(SUM(CAST(CONV(SUBSTR(${column}, ${part * 16 + 1}, 16), 16, 10) AS UNSIGNED)) AS CHAR)`
}
