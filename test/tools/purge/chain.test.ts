import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openState, type State } from '../../../lib/stream/state.js'
import { beginReport, endReport } from '../../../tools/purge/chain.js'
import { writeReport, type Link, type PurgeReport } from '../../../tools/purge/report.js'
import { openSigningKey } from '../../../tools/purge/signing.js'
import { shortDirectory } from '../../helpers/streams.js'

const days = ['20', '21', '22', '23'].map(day => `2015-05-${day}T03:15:00.000Z`) as [string, string, string, string]

function host (t: Test): { state: State, place: (day: string) => string, report: (day: string) => Link } {
  const directory = shortDirectory(t)
  const state = openState(directory, 'purge')
  t.teardown(() => { state.close() })
  const place = (day: string): string => join(directory, `${day}.json`)
  const key = openSigningKey(join(directory, 'purge.key'))
  return { state, place, report: day => writeReport(place(day), { started: day } as unknown as PurgeReport, key) }
}

t.test('a run that was killed before its report was written is told of by the next one, however many there were', async t => {
  const { state, place, report } = host(t)
  const [first, second, third, fourth] = days

  t.strictSame(beginReport(state, first, place(first)), { previous: null, unreported: [] })
  const link = report(first)
  endReport(state, link)

  t.strictSame(beginReport(state, second, place(second)), { previous: link, unreported: [] })
  t.strictSame(beginReport(state, third, place(third)), { previous: link, unreported: [second] })
  t.strictSame(beginReport(state, fourth, place(fourth)), { previous: link, unreported: [second, third] })
  endReport(state, report(fourth))
  t.match(beginReport(state, days[0], place(days[0])), { previous: { file: `${fourth}.json` }, unreported: [] })
})

t.test('one that was killed after its report was written is the one before the next', async t => {
  const { state, place, report } = host(t)
  const [first, second] = days

  beginReport(state, first, place(first))
  const link = report(first)

  t.strictSame(beginReport(state, second, place(second)), { previous: link, unreported: [] })
})
