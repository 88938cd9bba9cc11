import { createLongStrings, type LongStringChoice } from '../../lib/sql/long-strings.js'
import type { Context } from '../../lib/stream/contracts.js'
import type { Destination } from './line.js'
import type { AskedStore } from './stores.js'

/** `longStrings`: what the stores do with strings that are too long. */
export function destinationOf (longStrings: LongStringChoice, stores: readonly AskedStore[], ctx: Context): Destination {
  return {
    longStrings,
    refuse: createLongStrings('refuse', ctx),
    async find ({ plan, values }) {
      const found = []
      for (const store of stores) {
        const rows = await store.rows(plan.name, plan.key, [String(values[0])])
        const isThere = typeof rows !== 'string' && rows.length > 0
        found.push({ text: `${store.name}: ${typeof rows === 'string' ? rows : isThere ? `a row of ${plan.name} has this ${plan.key}, id ${String(rows[0]?.['id'])}` : `no row of ${plan.name} has this ${plan.key}`}`, isThere })
      }
      return found
    }
  }
}
