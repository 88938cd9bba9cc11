import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openState } from '../../../lib/stream/state.js'
import { journal, save } from '../../helpers/journal-command.js'
import { optout } from '../../helpers/optout.js'
import { clickLine } from '../../helpers/replay.js'
import { shortDirectory } from '../../helpers/streams.js'

const letter = (record: string): string => JSON.stringify({ time: '2014-05-21T10:00:00.000Z', instance: 'mysql', code: 'refused-by-store', message: 'no', record })
const error = (rawEvent: string): string => JSON.stringify({ schema: 'EventError', revision: 14035058, event: { rawEvent, schema: 'DemoButtonClick', revision: 1, code: 'validation', message: 'x' } })

/** Records of every kind, of somebody who clicks that button. */
function recordsOf (button: string): string[] {
  const event = JSON.stringify({ schema: 'DemoButtonClick', revision: 1, wiki: 'testwiki', event: { button, clicks: 1 } })
  const line = clickLine(1, { event: { button, clicks: 1 } })
  return [line, line.slice(0, line.indexOf(button) + button.length), `17 EventLogging ${event}`, event, error(line), letter(event), letter(line)]
}

// seen to fail without `inRecord`
t.test('export and tail leave out the records of who opted out, and say how many', async t => {
  const directory = shortDirectory(t)
  const registry = join(directory, 'registry.yaml')
  writeFileSync(registry, 'schemas: { DemoButtonClick: { user: event.button } }')
  const args = ['--registry', registry, '--optout-key', join(directory, 'optout.key')]
  await optout('add', ['optedout-7f3a'], '--stdin', '--state', directory, ...args.slice(-2))
  const state = openState(directory, 'forwarder-a')
  save(state, 'all', ...recordsOf('stays'), ...recordsOf('optedout-7f3a'), 'last')
  save(state, 'all', ...recordsOf('optedout-7f3a'))
  state.close()

  const exported = await journal('export', directory, '--journal', 'all', ...args)
  const tailed = await journal('tail', directory, '--journal', 'all', '-n', '100', ...args)

  t.same(exported, { code: 0, lines: [...recordsOf('stays'), 'last'], errors: ['records of users who opted out were left out'] })
  t.same(tailed, exported)
})
