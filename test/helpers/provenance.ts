import { arrival } from '../../lib/stream/batch.js'
import type { Position, Provenance } from '../../lib/stream/contracts.js'

/** Of records that a test's own source gives at that position. */
export function at (position: Position, count = 1): Provenance {
  return arrival('test', count, position)
}
