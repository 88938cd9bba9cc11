import t from 'tap'
import { changeText, countText, shareText } from '../../../tools/report/change.js'

t.test('a change is in percent, with its sign; unknown is not nothing', async t => {
  const cases: Array<[count: number | null, before: number | null, text: string]> = [
    [110, 100, '+10 %'], [88, 100, '−12 %'], [0, 100, '−100 %'], [100, 100, '±0 %'], [0, 0, '±0 %'],
    [1034, 1000, '+3.4 %'], [1040, 1000, '+4 %'], [100_001, 100_000, '±0 %'], [1_000_000, 1000, '+99,900 %'],
    [5, 0, 'new'], [null, 5, '–'], [5, null, '–'], [null, null, '–']
  ]

  for (const [count, before, text] of cases) t.equal(changeText(count, before), text, `${count} after ${before}`)
  t.equal(countText(1_234_567), '1,234,567')
  t.equal(countText(0), '0')
  t.equal(countText(null), '–')
})

t.test('a share is nothing only if there is nothing, and everything only if it is everything', async t => {
  const cases: Array<[part: number | null, whole: number | null, text: string]> = [
    [0, 10, '0 %'], [1, 100_000, '<0.1 %'], [34, 1000, '3.4 %'], [34, 100, '34 %'], [99_999, 100_000, '>99.9 %'], [5, 5, '100 %'], [0, 0, '–'], [null, 5, '–']
  ]

  for (const [part, whole, text] of cases) t.equal(shareText(part, whole), text, `${part} of ${whole}`)
})
