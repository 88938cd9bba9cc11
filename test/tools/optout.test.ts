import { appendFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startDaemon, startReady } from '../helpers/daemon.js'
import { optout } from '../helpers/optout.js'
import { clickLine, eventsIn, write } from '../helpers/replay.js'
import { shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

const id = 'optedout-7f3a'

function place (t: Test): { directory: string, args: string[] } {
  const directory = shortDirectory(t)
  return { directory, args: ['--state', directory, '--optout-key', join(directory, 'optout.key')] }
}

t.test('add, check, ls and remove never say who it is about', async t => {
  const { directory, args } = place(t)

  const results = [
    await optout('add', [id, '123', '', id], '--stdin', ...args),
    await optout('add', [], 'optedout-8b', ...args),
    await optout('check', [id, 'nobody', '123'], '--stdin', ...args),
    await optout('ls', [], ...args),
    await optout('remove', [id, 'nobody'], '--stdin', ...args),
    await optout('check', [id], '--stdin', ...args)
  ]

  t.strictSame(results.map(({ code }) => code), [0, 0, 2, 0, 0, 2])
  t.strictSame(results.map(({ printed }) => printed.replace(/, key .*/, '')), [
    'added: 2 users; the list has 2 users\n',
    'added: 1 user; the list has 3 users\n',
    '1  opted out\n2  not in the list\n3  opted out\n',
    `${directory}/optout: 3 users\n`,
    'removed: 1 user; the list has 2 users\n',
    '1  not in the list\n'
  ])
  t.notMatch(JSON.stringify(results) + readFileSync(join(directory, 'optout'), 'latin1'), /optedout-/)
})

t.test('an identifier that cannot be one is refused without saying it', async t => {
  const { args } = place(t)

  for (const [users, operands] of [[[` ${id}`], ['--stdin']], [['x'.repeat(1001)], ['--stdin']], [[], []]] as const) {
    const { code, printed, errors } = await optout('add', users, ...operands, ...args)

    t.equal(code, 78)
    t.equal(printed, '')
    t.notMatch(errors, id)
  }
})

t.test('several that add at one time all have their users in the list', async t => {
  const { args } = place(t)

  await Promise.all(Array.from({ length: 3 }, async (_, i) => await optout('add', [`a${i}`, `b${i}`], '--stdin', ...args)))

  t.match((await optout('ls', [], ...args)).printed, '6 users')
})

t.test('a processor drops whom the list has, without a restart', async t => {
  const { directory, args } = place(t)
  const input = write(join(directory, 'raw.log'), [])
  const output = join(directory, 'events.json')
  const registry = join(directory, 'registry.yaml')
  writeFileSync(registry, 'schemas: { DemoButtonClick: { user: event.button } }')
  const processor = await startReady(t, 'processor', '--format', '%q %{recvFrom}s %{seqId}d %t %o %{userAgent}i', '--input', `file://${input}?follow=true&poll-interval=20`, '--output', `file://${output}`, '--registry', registry, ...args)
  const click = (n: number, button: string): void => { appendFileSync(input, `${clickLine(n, { event: { button, clicks: n } })}\n`) }
  const numbers = (): number[] => eventsIn(output).map(({ event }) => Number(event.clicks))

  click(1, 'save')
  await until('the first event is there', () => numbers().length === 1)
  await optout('add', ['save'], '--stdin', ...args)
  await processor.logged('the list of users who opted out was read again')
  click(2, 'save')
  click(3, 'help')
  await until('the other is there', () => numbers().includes(3))
  truncateSync(join(directory, 'optout'), 50)
  processor.child.kill('SIGHUP')
  await processor.logged('the list of users who opted out cannot be read; the one that was read before stays in force')
  click(4, 'save')
  click(5, 'cancel')
  await until('the last is there', () => numbers().includes(5))

  t.strictSame(numbers(), [1, 3, 5])
  t.equal(await processor.stop(), 0)
  t.match(processor.log.find(({ message }) => message === 'stopped'), { counts: { opted_out: 2 } })
  const again = startDaemon(t, 'processor', '--format', '%q', '--input', `file://${input}`, '--output', 'stdout://', ...args)
  t.equal(await again.ended, 78, 'it does not start with a list that is damaged')
  t.match(again.log.at(-1)?.message, /--optout .*damaged/)
})
