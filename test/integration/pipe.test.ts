import { createReadStream, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { startDaemon } from '../helpers/daemon.js'

const lines = 200_000

/** A mix of good and bad lines of the demo schema; which is which follows from the number. */
function lineOf (i: number): { line: string, good: boolean } {
  const capsule = { schema: 'NavigationTiming', revision: 1, wiki: 'enwiki', event: {} }
  const end = `cp1 ${i} 2014-05-21T09:30:01 203.0.113.9 Mozilla`
  const encoded = (value: unknown): string => `?${encodeURIComponent(JSON.stringify(value))};`
  switch (i % 20) {
    case 0: return { line: `garbage number ${i}`, good: false }
    case 1: return { line: `${encoded({ ...capsule, schema: 'Nobody' })} ${end}`, good: false }
    case 2: return { line: `?%7B%22broken ${end}`, good: false }
    case 3: return { line: `${encoded({ ...capsule, schema: 'EventError', revision: 14035058, event: { rawEvent: i } })} ${end}`, good: false }
    default: return {
      line: `${encoded({ ...capsule, schema: 'EventError', revision: 14035058, event: { rawEvent: `${i}`, message: 'm', code: 'processor', schema: 'unknown', revision: -1 } })} ${end}`,
      good: true
    }
  }
}

t.test('every line of a pipe becomes an event or an event error, and the daemon ends at the end of input', async t => {
  const directory = t.testdir()
  const invalid = join(directory, 'invalid.json')
  const daemon = startDaemon(t, 'processor', '--format', '%q %{recvFrom}s %{seqId}d %t %o %{userAgent}i', '--input', 'stdin://', '--output', 'stdout://', '--invalid', `file://${invalid}`)
  const valid = readNumbers(createInterface({ input: daemon.child.stdout }))

  let expectedGood = 0
  for (let i = 0; i < lines; i += 1000) {
    const chunk = Array.from({ length: 1000 }, (_, k) => lineOf(i + k))
    expectedGood += chunk.filter(({ good }) => good).length
    if (!daemon.child.stdin.write(chunk.map(({ line }) => `${line}\n`).join(''))) await once(daemon.child.stdin, 'drain')
  }
  daemon.child.stdin.end()

  t.equal(await daemon.ended, 0)
  const numbers = await valid
  t.equal(numbers.length, expectedGood)
  t.ok(numbers.every((number, i) => i === 0 || number > (numbers[i - 1] ?? 0)), 'in the order they came')
  t.equal(readFileSync(invalid, 'utf8').split('\n').length - 1, lines - expectedGood)
  t.equal(await countEventErrors(invalid), lines - expectedGood)
})

// seen to fail when `isSame` is false: errors came after the valid events of their batch
t.test('event errors go to several outputs, in the order of the lines where all that is valid goes too', async t => {
  const directory = t.testdir()
  const [first, second, errors] = ['first', 'second', 'errors'].map(name => join(directory, name)) as [string, string, string]
  const process = async (outputs: readonly string[], invalid: readonly string[]): Promise<void> => {
    const uris = (files: readonly string[]): string[] => files.map(file => `file://${file}`)
    const daemon = startDaemon(t, 'processor', '--format', '%q %{recvFrom}s %{seqId}d %t %o %{userAgent}i', '--input', 'stdin://', '--output', ...uris(outputs), '--invalid', ...uris(invalid))
    daemon.child.stdin.end(Array.from({ length: 100 }, (_, i) => `${lineOf(i).line}\n`).join(''))
    t.equal(await daemon.ended, 0)
  }
  const linesIn = (file: string): string[] => readFileSync(file, 'utf8').split('\n').slice(0, -1)
  const isValid = (line: string): boolean => (JSON.parse(line) as { event: { message: string } }).event.message === 'm'

  await process([first, second], [second, first])
  t.same(linesIn(first).map(isValid), Array.from({ length: 100 }, (_, i) => lineOf(i).good))
  t.same(linesIn(second), linesIn(first))

  await process([first, second], [second, errors])
  t.same([first, second, errors].map(file => linesIn(file).length), [180, 200, 20])
})

async function readNumbers (output: AsyncIterable<string>): Promise<number[]> {
  const numbers = []
  for await (const line of output) numbers.push((JSON.parse(line) as { seqId: number }).seqId)
  return numbers
}

async function countEventErrors (file: string): Promise<number> {
  let count = 0
  for await (const line of createInterface({ input: createReadStream(file) })) {
    if ((JSON.parse(line) as { schema: string }).schema === 'EventError') count++
  }
  return count
}
