import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { batchOfLines } from '../../../lib/stream/batch.js'
import type { Batch } from '../../../lib/stream/contracts.js'
import { openState } from '../../../lib/stream/state.js'
import { backlogOf } from '../../../tools/replay/pace.js'
import { testContext } from '../../helpers/context.js'
import { records, startPublisher, startSubscriber } from '../../helpers/journaled.js'
import { pull, shortDirectory } from '../../helpers/streams.js'
import { until } from '../../helpers/wait.js'

// seen to fail when a subscriber tells only once, and when the publisher keeps nothing as it closes
t.test('what a subscriber has committed is known to its publisher after a stop, and again after a kill', async t => {
  const directory = shortDirectory(t)
  const publisher = await startPublisher(t, directory)
  const { reader, ctx } = await startSubscriber(t, directory, `${publisher.writer.endpoint}?as=one`)
  const input = pull(reader)
  const taken = input.take(5)
  const journal = publisher.ctx.state.journal('all')
  await until('it is known', () => journal.knows('one'))
  await publisher.publish(...records(0, 5))
  await taken
  void input.rest()
  await reader.commit(String(input.batches.at(-1)?.position))
  await ctx.save()
  await until('it is told', () => journal.committedBy().get('one') === 5)

  // as a publisher has it that was killed before it had kept the number
  journal.committed('one', 0)
  t.equal(journal.committedBy().get('one'), 0)
  await until('it is told again', () => journal.committedBy().get('one') === 5)
  // the last thing that it hears
  await ctx.end()
  journal.committed('one', 4)
  await publisher.ctx.end()
  const state = openState(directory, 'publisher')
  t.teardown(() => { state.close() })
  t.equal(state.journal('all').committedBy().get('one'), 4)
})

// seen to fail without the bound, and when there must be no subscriber for it
t.test('a journal that nobody reads, or one subscriber does not, is filled only up to a bound', async t => {
  const ctx = testContext()
  t.teardown(async () => { await ctx.end() })
  const journal = ctx.state.journal('replay')
  const backlog = backlogOf([journal], ctx)
  const append = async (count: number): Promise<void> => {
    journal.append(batchOfLines(records(0, count)) as Batch, () => {})
    await ctx.save()
  }
  let isWaiting = true
  const room = async (): Promise<void> => {
    isWaiting = true
    await backlog.room()
    isWaiting = false
  }

  await append(49_999)
  await room()
  await append(1)
  const first = room()
  await turn()
  t.match([isWaiting, backlog.waitsFor], [true, 'a subscriber of replay'])
  journal.committed('slow', 1)
  journal.committed('fast', 50_000)
  await first
  await append(10)
  const second = room()
  await turn()
  t.match([isWaiting, backlog.waitsFor], [true, 'slow (50009 records)'])
  journal.committed('slow', 60)
  await second
  t.equal(isWaiting, false)
})

// seen to fail when the stop is not looked at
t.test('who is stopped does not wait on', async t => {
  const ctx = testContext()
  t.teardown(async () => { await ctx.end() })
  const journal = ctx.state.journal('replay')
  journal.append(batchOfLines(['a']) as Batch, () => {})
  await ctx.save()

  const empty = backlogOf([journal], ctx).empty()
  ctx.abort()
  t.equal(await empty, false)
})
