import t from 'tap'
import { isGood, judge } from './books.js'
import { allStreams, streamOfLine, type Stream } from './lines.js'

const sent = 100

/** Each number in the stream of its line. */
function arrivalsOf (numbers: Iterable<number>): Map<Stream, number[]> {
  const arrivals = new Map<Stream, number[]>(allStreams.map(stream => [stream, []]))
  for (const number of numbers) arrivals.get(streamOfLine(number))?.push(number)
  return arrivals
}

const all = Array.from({ length: sent }, (_, number) => number)

// seen to fail when what is there is taken for missing
t.test('all that was sent, each once and in the order of its stream, is good; streams among each other have none', async t => {
  const arrivals = new Map([...arrivalsOf(all)].reverse())

  const verdict = judge(sent, arrivals)

  t.strictSame(verdict, { arrived: sent, missing: [], repeated: [], disordered: [] })
  t.ok(isGood(verdict))
})

// each was seen to fail without the line of `judge` that it is about
t.test('what is wrong is found, and named', async t => {
  const [first, second, third] = all.filter(number => streamOfLine(number) === streamOfLine(0)) as [number, number, number]

  t.strictSame(judge(sent, arrivalsOf(all.filter(number => number !== 40))).missing, [40], 'missing')
  t.strictSame(judge(sent, arrivalsOf([...all, 98, 98])).repeated, [98, 98], 'twice too often')
  t.strictSame(judge(sent, arrivalsOf([first, third, second])).disordered, [second], 'out of order')
  t.strictSame(judge(sent, arrivalsOf([...all, sent])).repeated, [sent], 'never sent')
  t.strictSame(judge(sent, new Map([[streamOfLine(7), [0]]])).repeated, [0], 'in another stream\'s place')
  for (const what of ['missing', 'repeated', 'disordered']) t.notOk(isGood({ ...judge(sent, arrivalsOf(all)), [what]: [40] }))
})
