import { execFile } from 'node:child_process'
import { lookup } from 'node:dns/promises'
import { isIPv4 } from 'node:net'
import type { Way as Connection } from '../../lib/sql/mysql/reader.js'
import { messageOf } from '../../lib/errors.js'
import type { Way } from './ways.js'

/** A table of nftables that has nothing else in it. */
export const cutTable = 'inet vanadium_drill'

/** What is dropped: all that goes between this host and the port of the database, but for the connection by which the drill looks. */
export interface Cut {
  readonly addresses: readonly string[]
  readonly port: number
  /** Of the drill's own connection. */
  readonly ownPort: number
  /** After that the kernel lets everything through again, whoever was killed. */
  readonly mostSeconds: number
}

/** `host`: as the URI names it; consumers may have chosen another of its addresses. Null if it names none. */
export async function cutOf ({ address, port, localPort }: Connection, host: string | null, mostSeconds: number): Promise<Cut> {
  const found = host === null ? [] : await lookup(host, { all: true }).catch(() => [])
  return { addresses: [...new Set([address, ...found.map(one => one.address)])], port, ownPort: localPort, mostSeconds }
}

/** Why packets cannot be dropped here; null if they can. */
export async function whyNoCut (): Promise<string | null> {
  return await new Promise(resolve => {
    execFile('nft', ['list', 'tables'], (error, _stdout, stderr) => { resolve(error === null ? null : `nft list tables: ${stderr.trim() || messageOf(error)}`) })
  })
}

export function cutCommands ({ addresses, port, ownPort, mostSeconds }: Cut): Way {
  const set = (family: 'ip' | 'ip6', type: string, of: readonly string[]): string =>
    `set ${family}s { type ${type}; flags timeout; ${of.length === 0 ? '' : `elements = { ${of.map(address => `${address} timeout ${mostSeconds}s`).join(', ')} }; `}}`
  // made anew, in one transaction, whatever an earlier drill has left
  const rules = `table ${cutTable}
delete table ${cutTable}
table ${cutTable} {
${set('ip', 'ipv4_addr', addresses.filter(isIPv4))}
${set('ip6', 'ipv6_addr', addresses.filter(address => !isIPv4(address)))}
chain out {
type filter hook output priority -300; policy accept;
tcp sport ${ownPort} accept
ip daddr @ips tcp dport ${port} drop
ip6 daddr @ip6s tcp dport ${port} drop
}
chain in {
type filter hook input priority -300; policy accept;
tcp dport ${ownPort} accept
ip saddr @ips tcp sport ${port} drop
ip6 saddr @ip6s tcp sport ${port} drop
}
}`
  return {
    disturb: `nft -f - <<'RULES'\n${rules}\nRULES`,
    restore: `! nft list table ${cutTable} > /dev/null 2>&1 || nft delete table ${cutTable}`
  }
}
