import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { holdRegistry, type HeldRegistry } from '../../lib/cli/held-registry.js'
import { testContext, type TestContext } from '../helpers/context.js'

const sampled = 'schemas: { A: { sampling: { rate: 0.1 }, user: event.userId } }'
const over = '{ retention: { days: 400, reason: study, until: 2015-01-07 } }'

interface Place {
  readonly registry: HeldRegistry
  readonly file: string
  readonly fragment: string
  logged (level: string): unknown[]
}

/** A registry that is installed: no option names it. */
function install (t: Test, text: string | null, isDaemon = true): Place {
  const directory = t.testdir()
  const [installed, fragments] = [join(directory, 'registry.yaml'), join(directory, 'registry.d')]
  mkdirSync(fragments)
  if (text !== null) writeFileSync(installed, text)
  const ctx: TestContext = testContext()
  t.teardown(async () => { await ctx.end() })
  const logged = (wanted: string): unknown[] => ctx.logged().filter(({ level }) => level === wanted)
  return { registry: holdRegistry({ path: undefined, installed, isDaemon }, ctx.log), file: installed, fragment: join(fragments, 'team.yaml'), logged }
}

// seen to fail when what is read at a reload is taken whatever is gone: everything was kept, of those too who opted out
t.test('an installed registry that is gone at a reload stays in force, and each reload says so once', t => {
  const { registry, file, fragment, logged } = install(t, sampled)
  t.match(registry.get().find('A'), { sampling: { rate: 0.1 }, user: 'event.userId' })
  rmSync(file)
  registry.reload()
  t.match(registry.get().find('A'), { sampling: { rate: 0.1 }, user: 'event.userId' })
  t.match(registry.describe('A'), { user: 'event.userId' })
  t.match(logged('error'), [{ message: 'the registry was not read again', reason: `${file} is gone; put it back, or restart the daemon to go on without it` }])

  writeFileSync(fragment, 'schemas: { B: { team: b } }')
  registry.reload()
  t.strictSame(registry.get().names, ['A'], 'a fragment is no registry')
  writeFileSync(file, 'schemas: { A: }')
  registry.reload()
  t.strictSame(registry.get().names, ['A', 'B'])
  t.equal(logged('error').length, 2)
  t.end()
})

t.test('where there are only fragments the last one that goes is missed; of several, one may go', t => {
  const { registry, fragment, logged } = install(t, null)
  writeFileSync(fragment, sampled)
  writeFileSync(`${fragment}.yaml`, 'schemas: { B: }')
  t.strictSame(registry.get().names, ['A', 'B'])
  rmSync(`${fragment}.yaml`)
  registry.reload()
  t.strictSame([registry.get().names, logged('error')], [['A'], []])
  rmSync(fragment)
  registry.reload()
  t.strictSame(registry.get().names, ['A'])
  t.match(logged('error'), [{ reason: `${fragment} is gone; put it back, or restart the daemon to go on without it` }])
  t.end()
})

t.test('where there was none there may be none, and one that comes is read', t => {
  const { registry, file, logged } = install(t, null)
  t.strictSame(registry.get().names, [])
  registry.reload()
  t.strictSame([registry.get().names, registry.describe('A')], [[], null])
  writeFileSync(file, sampled)
  registry.reload()
  t.strictSame([registry.get().names, logged('error')], [['A'], []])
  t.end()
})

// seen to fail when all commands warn: what runs every five minutes would say it as often
t.test('of an end date that has passed a daemon warns at its start and at a reload; another command does not', t => {
  const daemon = install(t, `schemas: { A: ${over} }`)
  daemon.registry.get()
  daemon.registry.get()
  t.equal(daemon.logged('warn').length, 1)
  daemon.registry.reload()
  t.match(daemon.logged('warn'), [1, 2].map(() => ({ message: 'an end date in the registry has passed', places: [/registry\.yaml:1: schemas\/A\/retention\/until: "2015-01-07" has passed/] })))

  const tool = install(t, `schemas: { A: ${over} }`, false)
  t.equal(tool.registry.get().find('A').retention.days, 90)
  t.strictSame(tool.logged('warn'), [])
  t.end()
})
