import { toJson, type Log } from '../log.js'
import type { Metrics } from '../metrics.js'
import { batchOfLines } from './batch.js'
import type { DeadLetters, Writer } from './contracts.js'

export interface DeadLetterBox extends DeadLetters {
  /** Where letters go from now on; without a writer they are counted and logged only. */
  keepIn (writer: Writer): void
}

/**
 * One letter a record, as JSON: `time`, `instance`, `code`, `message`, what the sink knows besides (`column`, `table`, `sql_error`), and
 * `record`, the text as it came.
 */
export function createDeadLetters (instance: string, log: Log, metrics: Metrics): DeadLetterBox {
  let writer: Writer | null = null
  let letters: string[] = []
  let last: Promise<void> = Promise.resolve()

  async function write (): Promise<void> {
    const draining = letters
    const batch = batchOfLines(draining)
    if (batch === null || writer === null) return
    letters = []
    try {
      await writer.write(batch)
      await writer.flush()
    } catch (error) {
      // whoever drains once more before the end must not take them for written
      letters = draining.concat(letters)
      throw error
    }
  }

  return {
    keepIn (to) { writer = to },
    add (record, { code, message, details }) {
      metrics.increment('dead_letter')
      log.error(writer === null ? 'a record was refused and is lost; --dead-letter would keep it' : 'a record was refused; it is in the dead letters', { code, reason: message, ...details })
      if (writer !== null) letters.push(toJson({ time: new Date().toISOString(), instance, code, message, ...details, record }))
    },
    // a store drains before its commit, while the loop drains what the next batch added
    async drain () {
      const drained = last.then(write)
      last = drained.catch(() => {})
      await drained
    }
  }
}
