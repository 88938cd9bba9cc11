import t from 'tap'
import { schemasOf, testContext, type TestContext } from '../helpers/context.js'
import { needsMariadb, startMariadb, type Row } from '../helpers/mariadb.js'
import { until } from '../helpers/wait.js'
import { capsuleOf, mysqlUri, openWriter, schemaOf, store } from '../sql/fixtures.js'

/** Each is as little as possible like the one before. */
const servers: ReadonlyArray<readonly string[]> = [
  [],
  ['--local-infile=0', '--sql-mode=', '--max-allowed-packet=1M'],
  ['--local-infile=1', '--sql-mode=TRADITIONAL,ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,NO_AUTO_VALUE_ON_ZERO', '--max-allowed-packet=1M', '--character-set-server=latin1', '--default-time-zone=-05:00'],
  ['--local-infile=0', '--sql-mode=STRICT_TRANS_TABLES', '--innodb-strict-mode=OFF', '--innodb-autoinc-lock-mode=2', '--transaction-isolation=READ-COMMITTED', '--lower-case-table-names=1']
]

const large = 'x😀\\\'"\t\n\0'
const sizes = [100_000, 300_000, 700_000, 5, 900_000]

/** The same for all servers: `uuid` is made of the place. */
function events (): Array<Record<string, unknown>> {
  const uuid = (n: number): string => n.toString(16).padStart(32, '0')
  const small = Array.from({ length: 3000 }, (_, n) => capsuleOf({ n, text: n % 7 === 0 ? `${n}${large}` : `${n}`, flag: n % 2 === 0, at: '2014-05-21T23:30:01-05:00', x: n / 7, list: [n, { a: null }] }, { uuid: uuid(n) }))
  const big = sizes.map((size, at) => capsuleOf({ n: size, long: large.repeat(Math.floor(size / Buffer.byteLength(large) / 2)) }, { uuid: uuid(10_000 + at) }))
  const bad = [
    capsuleOf({ n: 70_000, narrow: 'more than five' }, { uuid: uuid(20_000) }), capsuleOf({ n: 12.5 }, { uuid: uuid(20_001) }),
    capsuleOf({ n: 1, at: 'yesterday' }, { uuid: uuid(20_002) }), capsuleOf({ n: 1 }, { schema: 'Unknown', uuid: uuid(20_003) })
  ]
  return [...small.slice(0, 1000), ...bad, ...big, ...small.slice(900), ...small.slice(0, 10), capsuleOf({ n: 2 ** 40 }, { schema: 'Other', uuid: uuid(30_000) })]
}

const properties = {
  n: { type: 'integer' }, text: { type: 'string' }, flag: { type: 'boolean' }, at: { type: 'string', format: 'date-time' }, x: { type: 'number' },
  list: { type: 'array' }, long: { type: 'string', maxLength: 2_000_000 }, narrow: { type: 'string' }
} as const

interface Outcome {
  /** Without ids: how many are left out where rows are refused depends on how they are sent. */
  readonly tables: Record<string, Row[]>
  readonly letters: unknown[]
  readonly counts: number[]
  readonly complaints: unknown[]
}

async function outcomeOn (args: readonly string[]): Promise<Outcome> {
  const server = await startMariadb(args)
  const ctx = testContext({ schemas: schemasOf([schemaOf(properties), schemaOf({ n: { type: 'integer' } }, { name: 'Other' })]) })
  try {
    const database = await server.database()
    const writer = await openWriter(mysqlUri(server, database), ctx)
    const storing = (async () => {
      await store(writer, [capsuleOf({ n: -1 }, { uuid: 'f'.repeat(32) })])
      await server.query('ALTER TABLE Test_1 MODIFY event_narrow VARCHAR(5) CHARACTER SET utf8mb4', database)
      await store(writer, events())
      // larger than a packet of some
      await store(writer, [capsuleOf({ n: -2, long: '😀'.repeat(300_000) }, { uuid: 'e'.repeat(32) }), capsuleOf({ n: -3 }, { uuid: 'd'.repeat(32) })])
      await writer.close()
    })()
    const refused = refusal(ctx)
    // it has lost the race when the test is over
    refused.catch(() => {})
    storing.catch(() => {})
    await Promise.race([storing, refused])
    const rows = async (table: string): Promise<Row[]> => (await server.query(`SELECT * FROM ${table} ORDER BY id`, database)).map(({ id, ...row }) => row)
    return {
      tables: { Test_1: await rows('Test_1'), Other_1: await rows('Other_1') },
      letters: ctx.letters.map(({ record, error: { code, message } }) => ({ record: record.slice(0, 100), code, message })),
      counts: [ctx.metrics.count('overall.inserted'), ctx.metrics.count('duplicate')],
      complaints: ctx.logged().filter(isComplaint)
    }
  } finally {
    await ctx.end()
    await server.stop()
  }
}

function isComplaint ({ level }: Record<string, unknown>): boolean {
  return level === 'warn' || level === 'error'
}

/** What the server refuses is waited for; rejects with it, or when the test ends. */
async function refusal (ctx: TestContext): Promise<never> {
  const line = await until('the log says what is refused', () => ctx.stop.aborted || ctx.logged().find(isComplaint), 200_000)
  throw new Error(JSON.stringify(line))
}

t.test('the server\'s settings do not change what becomes of events', { skip: needsMariadb }, async t => {
  const outcomes: Outcome[] = []
  for (const args of servers) outcomes.push(await outcomeOn(args))
  const [first] = outcomes
  if (first === undefined) throw new Error('there is no outcome')

  t.equal(first.tables['Test_1']?.length, 1 + 3000 + sizes.length + 2)
  t.equal(first.letters.length, 4, 'every bad event is a letter')
  t.match(first.tables['Test_1']?.[1], { event_n: 0, event_text: `0${large}`, event_flag: 1, event_at: '2014-05-22 04:30:01', event_list: '[0,{"a":null}]', timestamp: '20140521093001' })
  for (const [at, outcome] of outcomes.entries()) t.test(`with ${servers[at]?.join(' ') ?? ''}`, async t => { same(t, outcome, first) })
})

type Tap = Pick<typeof t, 'strictSame' | 'match' | 'ok'>

/** The event that is larger than a packet is in its table or a letter, as the server allows; the others fare everywhere the same. */
function same (t: Tap, outcome: Outcome, expected: Outcome): void {
  const isHuge = ({ event_n: n }: Row): boolean => n === -2
  const huge = outcome.tables['Test_1']?.filter(isHuge) ?? []
  const refused = outcome.letters.length - expected.letters.length
  t.ok(huge.length + refused === 1, 'the largest event is in one place')
  if (refused === 1) t.match(outcome.letters.at(-1), { code: 'refused-by-store', message: /max_allowed_packet/ })
  else t.strictSame(huge, expected.tables['Test_1']?.filter(isHuge))

  const rest = (rows: readonly Row[] = []): Row[] => rows.filter(row => !isHuge(row))
  t.ok(JSON.stringify(rest(outcome.tables['Test_1'])) === JSON.stringify(rest(expected.tables['Test_1'])), 'the same rows in the same order')
  t.strictSame(outcome.tables['Other_1'], expected.tables['Other_1'])
  t.strictSame(outcome.letters.slice(0, expected.letters.length), expected.letters)
  t.strictSame([(outcome.counts[0] ?? 0) + refused, outcome.counts[1]], expected.counts)
  t.strictSame(outcome.complaints, [])
}
