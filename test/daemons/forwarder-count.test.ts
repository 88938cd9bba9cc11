import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startDaemon } from '../helpers/daemon.js'

/** What a forwarder of that name makes of lines, each with its number before it. */
async function numberedBy (t: Test, name: string, lines: readonly string[], ...options: string[]): Promise<string[]> {
  const file = join(t.testdirName, `${name}.log`)
  const daemon = startDaemon(t, 'forwarder', '--name', name, '--input', 'stdin://', '--output', `file://${file}`, '--count', ...options)
  daemon.child.stdin.end(lines.map(line => `${line}\n`).join(''))
  t.equal(await daemon.ended, 0)
  return readFileSync(file, 'utf8').split('\n').slice(0, -1)
}

function numbersOf (lines: readonly string[]): number[] {
  return lines.map(line => Number(line.split(' ')[0]))
}

t.test('two forwarders with one increment and offsets of their own give no number that the other gives, also after a restart', async t => {
  t.testdir()
  const lines = ['a', 'b', 'a']

  await numberedBy(t, 'one', lines, '--count-increment', '2', '--count-offset', '1')
  const one = await numberedBy(t, 'one', lines, '--count-increment', '2', '--count-offset', '1')
  const two = await numberedBy(t, 'two', lines, '--count-increment', '2', '--count-offset', '2')

  t.strictSame(one, ['1 a', '3 b', '5 a', '7 a', '9 b', '11 a'])
  t.strictSame(two, ['0 a', '2 b', '4 a'])
})

t.test('two forwarders that count by content give the same line the same number, also a line that comes twice', async t => {
  t.testdir()
  const lines = ['EventLogging {"n":1}', 'EventLogging {"n":2}', 'EventLogging {"n":1}']

  const one = await numberedBy(t, 'one', lines, '--count-by', 'content')
  const two = await numberedBy(t, 'two', [...lines.slice(1), ...lines.slice(0, 1)], '--count-by', 'content')

  t.strictSame(one.toSorted(), two.toSorted())
  t.strictSame(one.map(line => line.replace(/^\d+ /, '')), lines)
  t.equal(new Set(numbersOf(one)).size, 3)
  t.ok(numbersOf(one).every(number => number < 2 ** 52))
})

t.test('what makes no sense is refused', async t => {
  const refused: Array<[options: string[], why: RegExp]> = [
    [['--count-by', 'content'], /--count-by content: it says how --count counts; give that too/],
    [['--count-offset', '2'], /--count-offset 2: it says how --count counts; give that too/],
    [['--count', '--count-increment', '0'], /--count-increment 0: give a whole number from 1 to 1000/],
    [['--count', '--count-increment', '2.5'], /--count-increment 2.5: give a whole number/],
    [['--count', '--count-increment', '2', '--count-offset', '3'], /--count-offset 3: give a whole number from 1 to --count-increment, which is 2/],
    [['--count', '--count-offset', '2'], /--count-offset 2: give a whole number from 1 to --count-increment, which is 1/],
    [['--count', '--count-by', 'content', '--count-offset', '1'], /--count-by content: .* leave out --count-increment and --count-offset, or give --count-by sequence/]
  ]
  for (const [options, why] of refused) {
    const daemon = startDaemon(t, 'forwarder', '--input', 'stdin://', '--output', 'stdout://', ...options)
    t.equal(await daemon.ended, 78)
    t.match(daemon.log.at(-1)?.message, why)
  }
})
