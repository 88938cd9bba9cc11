import { statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { defineCommand, type CommandContext } from '../../lib/cli/command.js'
import { ConfigError } from '../../lib/errors.js'
import type { Writer } from '../../lib/stream/contracts.js'
import { instanceOption, journalsOf, openForReading, openJournalState, type StateDatabase } from './databases.js'
import { untilReaderGoes, within } from './export.js'
import { leavingOut, type LeavingOut } from './opted-out.js'
import { rowsFrom } from './rows.js'

const pollMs = 200

export const tail = defineCommand({
  name: 'journal tail',
  summary: 'Prints the last records of a journal, and new ones as they come.',
  examples: [
    ['vanadium journal tail --journal all-events', 'the last ten'],
    ['vanadium journal tail --journal all-events -n 0 --follow', 'what comes from now on, until Ctrl-C']
  ],
  notes: 'Records of users who opted out are left out.\n\n',
  options: {
    journal: { type: 'string', demandOption: true, requiresArg: true, description: 'Name of the journal' },
    instance: instanceOption,
    lines: { type: 'number', alias: 'n', default: 10, requiresArg: true, description: 'How many of the last records' },
    follow: { type: 'boolean', alias: 'f', default: false, description: 'Go on with what is saved from now on' }
  },
  defaults: { 'log-level': 'warn' },
  prepare ({ journal, instance, lines, follow }, _transports, { state: directory }) {
    if (!(Number.isSafeInteger(lines) && lines >= 0)) throw new ConfigError('bad-option', `--lines ${lines}: give a number of records, from 0 on`)

    return async ctx => {
      const state = openJournalState(directory, journal, instance)
      const leaving = leavingOut(ctx)
      const follower = new Follower(directory, state, { journal, lines, leaveOut: leaving.leaveOut })
      ctx.defer(state.file, () => {
        follower.close()
        leaving.tell()
      })
      const writer = await ctx.openWriter('stdout://')
      await untilReaderGoes(async () => {
        do {
          await follower.print(writer, ctx)
          if (follow) await sleep(pollMs, undefined, { signal: ctx.stop }).catch(() => {})
        } while (follow && !ctx.stop.aborted)
      })
    }
  }
})

interface Tail extends Pick<LeavingOut, 'leaveOut'> {
  readonly journal: string
  /** How many of the last records. */
  readonly lines: number
}

class Follower {
  readonly #directory: string
  readonly #journal: string
  readonly #leaveOut: LeavingOut['leaveOut']
  #state: StateDatabase
  #inode: number
  #id: string
  #next: number

  constructor (directory: string, state: StateDatabase, { journal, lines, leaveOut }: Tail) {
    const { id, next } = journalIn(state, journal)
    this.#directory = directory
    this.#journal = journal
    this.#leaveOut = leaveOut
    this.#state = state
    this.#inode = inodeOf(state)
    this.#id = id
    this.#next = Math.max(0, next - lines)
  }

  /** What is there that was not printed yet. */
  async print (writer: Writer, ctx: CommandContext): Promise<void> {
    this.#openAgain(ctx)
    for (const row of rowsFrom(this.#state.db, this.#journal, this.#next)) {
      if (ctx.stop.aborted) return
      if (row.damage !== undefined) {
        ctx.log.warn('a batch cannot be read', { journal: this.#journal, first: row.first, reason: row.damage })
        process.exitCode = 2
        this.#next = row.first + Math.max(1, row.count)
        continue
      }
      const left = this.#leaveOut(within(row, this.#next, Infinity))
      if (left !== null) await writer.write(left)
      this.#next = row.first + row.count
    }
  }

  close (): void {
    this.#state.db.close()
  }

  /** When another file has taken the place of the one that is open, or the journal has begun anew in it. */
  #openAgain (ctx: CommandContext): void {
    const inode = inodeOf(this.#state)
    if (inode !== 0 && inode !== this.#inode) {
      const opened = openForReading(this.#directory, this.#state.instance)
      // it is only being made
      if (opened === null) return
      this.#state.db.close()
      this.#state = opened
      this.#inode = inode
    }
    const { id, previousId } = journalIn(this.#state, this.#journal)
    if (id === this.#id) return
    if (previousId !== this.#id) {
      ctx.log.warn('the journal was made anew', { journal: this.#journal, id })
      this.#next = 0
    }
    this.#id = id
  }
}

/** 0 while there is none. */
function inodeOf ({ file }: StateDatabase): number {
  return statSync(file, { throwIfNoEntry: false })?.ino ?? 0
}

function journalIn ({ db, file }: StateDatabase, journal: string): ReturnType<typeof journalsOf>[number] {
  const found = journalsOf(db).find(({ name }) => name === journal)
  if (found === undefined) throw new ConfigError('bad-option', `--journal ${journal}: ${file} has it no longer`)
  return found
}
