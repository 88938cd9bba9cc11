import type { Owner } from './daemon.js'
import type { NetworkHost } from './network-host.js'
import { shippedTopology, type Shipped } from './shipped.js'

/** The ways of all events into the database. */
export const bothWays = ['forwarders/server-side', 'forwarders/client-side', 'processors/server-side', 'processors/client-side', 'forwarders/all-events', 'consumers/mysql']

/** The shipped topology on one of two hosts that get the same lines, as docs/operations.md says. `store` is where it writes. */
export async function pairedTopology (t: Owner, on: NetworkHost, store: string): Promise<Shipped> {
  return await shippedTopology(t, {
    on,
    directory: on.directory,
    store,
    only: bothWays,
    edit: (path, text) => path === 'forwarders/server-side' ? text.replace(/^--count$/m, '--count\n--count-by content') : text
  })
}
