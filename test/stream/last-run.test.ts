import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { batchOfLines } from '../../lib/stream/batch.js'
import type { Batch } from '../../lib/stream/contracts.js'
import { beginRun, endRun, fsyncPolicies, type FsyncPolicy } from '../../lib/stream/last-run.js'
import { openState, type State } from '../../lib/stream/state.js'
import { shortDirectory } from '../helpers/streams.js'

function save (state: State, ...records: string[]): void {
  state.journal('all').append(batchOfLines(records) as Batch, () => {})
  state.save()
}

const ends = ['closed', 'killed'] as const

// seen to fail when the end of the run or the boot is not looked at, and when ids stay
for (const fsync of fsyncPolicies) {
  for (const end of ends) {
    for (const boot of ['same', 'other']) {
      const isRenewed = fsync === 'checkpoint' && end === 'killed' && boot === 'other'
      t.test(`a run with --fsync ${fsync}, ${end}, then one after the ${boot} boot: ${isRenewed ? 'a new id' : 'the same id'}`, async t => {
        const directory = shortDirectory(t)
        const first = openState(directory, 'a', { fsync })
        save(first, 'zero', 'one')
        const { id } = first.journal('all')
        // as a kill leaves the database, and as a power cut may
        for (const suffix of ['', '-wal']) copyFileSync(join(directory, `a.sqlite${suffix}`), join(directory, `b.sqlite${suffix}`))
        save(first, 'two')
        first.close()
        const instance = end === 'closed' ? 'a' : 'b'
        const next = end === 'closed' ? 3 : 2
        if (boot === 'other') {
          const other = new Database(join(directory, `${instance}.sqlite`))
          other.exec("UPDATE run SET boot_id = 'another'")
          other.close()
        }

        const second = openState(directory, instance)
        t.teardown(() => { second.close() })
        const journal = second.journal('all')

        t.equal(journal.next, next)
        t.equal(journal.id !== id, isRenewed)
        t.same(journal.previous, isRenewed ? { id, next: 2 } : null)
        t.equal(journal.isRenewed, isRenewed)
        t.equal(journal.read(0, 1000)?.count, next, 'what was saved is there')
        t.equal(second.journal('another').isRenewed, false)
      })
    }
  }
}

// seen to fail with NORMAL for both
t.test('with `save` each transaction is synced, with `checkpoint` each checkpoint, and the last write in any case', async t => {
  const modes: Record<FsyncPolicy, number> = { save: 2, checkpoint: 1 }
  for (const fsync of fsyncPolicies) {
    const directory = shortDirectory(t)
    openState(directory, 'a').close()
    const db = new Database(join(directory, 'a.sqlite'))
    t.teardown(() => { db.close() })

    beginRun(db, fsync)
    t.equal(db.pragma('synchronous', { simple: true }), modes[fsync])
    endRun(db, fsync)
    t.equal(db.pragma('synchronous', { simple: true }), 2)
    rmSync(directory, { recursive: true })
  }
})
