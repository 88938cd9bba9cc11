import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import type { CommandContext } from '../../lib/cli/command.js'
import { codeOf, ConfigError, messageOf, StreamError } from '../../lib/errors.js'
import { batchOfRecords } from '../../lib/stream/batch.js'
import { instancesIn, journalsOf, openForReading } from '../journal/databases.js'
import { rowsFrom } from '../journal/rows.js'
import { createProgress, numberText } from '../text.js'
import type { Matcher } from './matcher.js'

/** A place that was looked through: what of the event is there, or why that is not known. */
export interface Look {
  readonly place: string
  readonly found: readonly string[]
  readonly problem: string | null
}

/** What is said of one place, in records. */
const mostFound = 5

export async function lookIntoFiles (files: readonly string[], matcher: Matcher, ctx: CommandContext): Promise<Look[]> {
  const looks: Look[] = []
  for (const file of files) {
    if (ctx.stop.aborted) break
    looks.push(await lookInto(file, ctx.stop, async found => {
      const progress = createProgress()
      const reader = await ctx.openReader(`file://${file.split('/').map(encodeURIComponent).join('/')}`)
      let records = 0
      try {
        for await (const batch of reader) {
          for (const record of batch.lines()) found(matcher(record))
          records += batch.count
          progress.show(`${file}: ${numberText(records)} records`)
          if (ctx.stop.aborted) break
        }
      } finally {
        progress.end()
        await reader.close()
      }
      return null
    }))
  }
  return looks
}

/** Every journal of every instance, as far as this user may read them. */
export async function lookIntoJournals (directory: string, matcher: Matcher, ctx: CommandContext): Promise<Look[]> {
  let instances: string[]
  try {
    instances = instancesIn(directory)
  } catch (error) {
    if (error instanceof ConfigError) return [{ place: `journals in ${directory}`, found: [], problem: error.message }]
    throw error
  }
  const looks: Look[] = []
  for (const instance of instances) {
    if (ctx.stop.aborted) break
    looks.push(await lookInto(`journals of ${instance} in ${directory}`, ctx.stop, async found => {
      let damaged = 0
      const state = openForReading(directory, instance)
      const progress = createProgress()
      try {
        for (const { name } of state === null ? [] : journalsOf(state.db)) {
          for (const row of state === null ? [] : rowsFrom(state.db, name, 0)) {
            if (ctx.stop.aborted) return null
            if (row.damage !== undefined) {
              damaged++
              continue
            }
            for (const record of batchOfRecords([row.payload])?.lines() ?? []) {
              const lines = matcher(record)
              found(lines === null ? null : [`journal ${name}, entered the pipeline ${new Date(row.timeMs).toISOString()}`, ...lines])
            }
            progress.show(`${instance}, ${name}: record ${numberText(row.first)}`)
            // signals must get theirs
            await turnOfTheLoop()
          }
        }
      } finally {
        progress.end()
        state?.db.close()
      }
      return damaged === 0 ? null : `${numberText(damaged)} batches of records cannot be read: see vanadium journal check`
    }))
  }
  return looks
}

/** `look` resolves with what it could not look through, in words. */
async function lookInto (place: string, stop: AbortSignal, look: (found: (lines: string[] | null) => void) => Promise<string | null>): Promise<Look> {
  const found: string[] = []
  let times = 0
  const problemOf = async (): Promise<string | null> => {
    try {
      return await look(lines => {
        if (lines !== null && times++ < mostFound) found.push(...lines)
      })
    } catch (error) {
      if (error instanceof ConfigError || error instanceof StreamError || codeOf(error)?.startsWith('SQLITE_') === true) return messageOf(error)
      throw error
    }
  }
  const problem = await problemOf() ?? (stop.aborted ? 'not looked through to its end' : null)
  if (times > mostFound) found.push(`and ${numberText(times - mostFound)} more`)
  return { place, found, problem }
}
