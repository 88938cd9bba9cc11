import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { merge } from '../../../tools/merge/session.js'
import type { Sizes } from '../../../tools/merge/held-lines.js'
import { testContext } from '../../helpers/context.js'
import { shortDirectory } from '../../helpers/streams.js'
import { expectedOf, type HostFiles, orderOf } from './reference.js'

/** So small that there are many runs, which are merged in several steps. */
const sizes: Sizes = { heldBytes: 200 << 10, heldLines: 7, roomBytes: 1 << 10, longestLine: 60 << 10, keys: 5, runsAtOnce: 3 }

/** Of a record there are lines of several hosts, which may say different things of it. */
interface Use {
  readonly record: number
  readonly saysOtherwise: 'nothing' | 'address' | 'time'
}

const shapes = ['seconds', 'milliseconds', 'dt', 'meta', 'no time', 'other id', 'odd id', 'nested', 'long', 'letter', 'text', 'array', 'broken', 'no UTF-8', 'long text', 'too long', 'empty'] as const

function hex (n: number): string {
  return createHash('md5').update(String(n)).digest('hex')
}

function hyphened (n: number): string {
  return hex(n).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** A line of a record; a few records share their times, and some their ids. */
function lineOf ({ record, saysOtherwise }: Use, host: number): Buffer {
  const shape = shapes[record % shapes.length] as typeof shapes[number]
  const n = record
  const seconds = 1_400_000_000 + record % 5 + (saysOtherwise === 'time' ? 100 + host : 0)
  const iso = new Date(seconds * 1000 + record % 7).toISOString()
  const clientIp = saysOtherwise === 'address' ? hex(host) : 'hash'
  const odd = ['"\\ud800"', '"\\ud801"', `"${hex(n).toUpperCase()}"`, '"caf\\u00e9"', '"café"', '7', 'null', '""'][record % 8] as string
  const texts: Record<typeof shape, string | Buffer> = {
    seconds: JSON.stringify({ event: { n }, schema: 'A', uuid: hex(n), timestamp: seconds, clientIp }),
    milliseconds: JSON.stringify({ event: { n, uuid: hex(n + 1) }, uuid: hex(n), timestamp: seconds * 1000 + record % 7, clientIp }),
    dt: JSON.stringify({ schema: 'A', dt: iso, uuid: hex(n), event: { clientIp } }),
    meta: JSON.stringify({ meta: { id: hyphened(n), dt: iso, schema_uri: 'a/1' }, n, clientIp }),
    'no time': JSON.stringify({ uuid: hex(n), clientIp }),
    'other id': JSON.stringify({ uuid: `event ${record % 3}`, timestamp: seconds + 0.5, clientIp }),
    'odd id': `{"uuid":${odd},"timestamp":${seconds}}`,
    nested: ` {"event":{"uuid":"${hex(1)}","timestamp":1},"uuid":"${hex(n)}", "timestamp":${seconds} }`,
    long: JSON.stringify({ text: 'x'.repeat(17_000 + n), uuid: hex(n), timestamp: seconds, clientIp }),
    letter: JSON.stringify({ time: iso, instance: 'mysql', code: 'refused-by-store', message: 'no', record: `{"uuid":"${hex(0)}"}` }),
    text: `?%7B%7D; cp1 ${n}`,
    array: `["${hex(n)}"]`,
    broken: `{"uuid":"${hex(0)}","timestamp":${seconds},"event":{"n":${n}`,
    'no UTF-8': Buffer.concat([Buffer.from(`{"uuid":"a${n % 2}`), Buffer.of(0x80 + record % 3), Buffer.from('"}')]),
    'long text': 'y'.repeat(20_000 + n),
    'too long': JSON.stringify({ text: 'z'.repeat(61_200 + 37 * n), uuid: hex(n), timestamp: seconds }),
    empty: ''
  }
  return Buffer.from(texts[shape])
}

const use: fc.Arbitrary<Use> = fc.record({ record: fc.nat({ max: 60 }), saysOtherwise: fc.constantFrom('nothing', 'nothing', 'address', 'time') })
const file = fc.record({ uses: fc.array(use, { maxLength: 40, size: 'max' }), isGzipped: fc.boolean(), end: fc.constantFrom('\n', '\r\n'), cut: fc.constantFrom(0, 0, 1, 2, 9) })
const hosts = fc.array(fc.array(file, { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 3 })

t.test('each event is written once, all else as often as it must be, in order; and the summary says what was there', async t => {
  const directory = shortDirectory(t)
  let run = 0

  await fc.assert(fc.asyncProperty(hosts, fc.boolean(), async (scenario, isOutputGzipped) => {
    const here = join(directory, String(run++))
    mkdirSync(here)
    const files: HostFiles[] = scenario.map((ofHost, host) => ofHost.map(({ uses, isGzipped, end, cut }, i) => {
      // that it is no raw log is found by its first lines
      const lines = [Buffer.from(`{"file":"${host}.${i}"}`), ...uses.map(use => lineOf(use, host))]
      const content = Buffer.concat(lines.flatMap(line => [line, Buffer.from(end)]))
      return { path: join(here, `${host}.${i}.log${isGzipped ? '.gz' : ''}`), content: content.subarray(0, content.length - cut) }
    }))
    for (const { path, content } of files.flat()) writeFileSync(path, path.endsWith('.gz') ? gzipSync(content) : content)
    const output = join(here, `merged${isOutputGzipped ? '.gz' : ''}`)
    const ctx = testContext()

    const operands = files.flatMap((ofHost, host) => ofHost.map(({ path }) => `h${host}=${path}`))
    const settings = { operands, lacking: null, output, isDryRun: false, temporary: undefined, temporaryOfOthers: '/nowhere', sizes }
    const summary = await merge(settings, ctx)
    await ctx.end()

    const expected = expectedOf(files, sizes.longestLine)
    const written = isOutputGzipped ? gunzipSync(readFileSync(output)) : readFileSync(output)
    const lines = written.toString('latin1').split('\n').slice(0, -1)
    assert.deepEqual([...lines].sort(), [...expected.lines].sort())
    assert.deepEqual(orderOf(lines, sizes.longestLine), lines.map((_, i) => i), 'they are in order')
    const said = { ...summary, differing: summary.differ.lines }
    assert.deepEqual({ ...like(expected.summary, said), hosts: summary.hosts.map((host, i) => like(expected.summary.hosts[i] ?? {}, host)) }, expected.summary)

    const lacking = run % files.length
    const gap = join(here, 'gap')
    const other = testContext()
    await merge({ ...settings, lacking: `h${lacking}`, output: gap }, other)
    await other.end()
    const own = expectedOf([files[lacking] ?? []], sizes.longestLine).lines
    const all = expectedOf([files[lacking] ?? [], ...files.filter((_, host) => host !== lacking)], sizes.longestLine).lines
    assert.deepEqual([...own, ...readFileSync(gap, 'latin1').split('\n').slice(0, -1)].sort(), all.sort(), 'with what a host lacks it has everything')
    assert.equal(readdirSync(here).length, files.flat().length + 2, 'nothing else is left')
    rmSync(here, { recursive: true })
  }), { numRuns: 100 })
})

/** What `told` says of what is asked. */
function like (asked: object, told: object): object {
  return Object.fromEntries(Object.entries(told).filter(([name]) => Object.hasOwn(asked, name)))
}
