import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Owner } from './daemon.js'
import { openHost, type NetworkHost } from './network-host.js'
import { findProgram } from './programs.js'

/** What a test says when it is skipped because it cannot have hosts of its own. */
export const needsNetwork = whatIsMissing()

/** Several hosts on this machine: each has a network and a hostname of its own. A router, which is no host, joins them. */
export interface Network<Name extends string> {
  readonly hosts: Readonly<Record<Name, NetworkHost>>
  /**
   * From now on drops, both ways, what goes between a host and all others, or between two. Nobody is told: no link is down, no connection is refused
   * or ended, so that both sides go on believing in it. What a host says to itself arrives. Not twice without `heal`.
   */
  cut (one: NetworkHost, other?: NetworkHost): void
  /** Lets through again what the same call of `cut` has dropped. */
  heal (one: NetworkHost, other?: NetworkHost): void
}

/** Of addresses that are nobody else's here: each host is in a network of its own, whose other end is the router. */
const prefix = '10.77'

/** The namespaces are those of a process, so that they have no names, and are gone with it: also those of a test that is killed. */
const holder = 'hostname "$1" && ip link set lo up && echo ready && exec sleep infinity'

/**
 * Makes hosts of these names, 50 ms each; all that runs in them ends with the test. To look around in one while a test runs:
 * `nsenter --net --uts --target PID`, of any process in it.
 */
export async function startNetwork<Name extends string> (t: Owner, names: readonly Name[]): Promise<Network<Name>> {
  const router = await hold(t, 'router')
  inNetworkOf(router, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward')
  const hosts: Partial<Record<Name, NetworkHost>> = {}
  for (const [i, name] of names.entries()) {
    const pid = await hold(t, name)
    const [address, gateway] = [`${prefix}.${i + 1}.2`, `${prefix}.${i + 1}.1`]
    inNetworkOf(router, 'sh', '-c', `ip link add to-${i} type veth peer name eth0 netns ${pid} && ip address add ${gateway}/24 dev to-${i} && ip link set to-${i} up`)
    inNetworkOf(pid, 'sh', '-c', `ip address add ${address}/24 dev eth0 && ip link set eth0 up && ip route add default via ${gateway}`)
    hosts[name] = openHost(t, { name, address, pid })
  }

  function setRules (what: 'add' | 'delete', one: NetworkHost, other?: NetworkHost): void {
    const pairs = other === undefined ? [`from ${one.address}`, `to ${one.address}`] : [`from ${one.address} to ${other.address}`, `from ${other.address} to ${one.address}`]
    for (const pair of pairs) inNetworkOf(router, 'ip', 'rule', what, ...pair.split(' '), 'blackhole')
  }

  return {
    hosts: hosts as Record<Name, NetworkHost>,
    cut: (one, other) => { setRules('add', one, other) },
    heal: (one, other) => { setRules('delete', one, other) }
  }
}

/** Makes a network namespace and one for a hostname, and resolves with the number of the process that has them; it ends with the test. */
async function hold (t: Owner, name: string): Promise<number> {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', '--net', '--uts', 'sh', '-c', holder, 'sh', name], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  if (await firstLine(child, ended) !== 'ready' || child.pid === undefined) throw new Error(`the network of ${name} could not be made`)
  return child.pid
}

async function firstLine (child: ChildProcess, ended: Promise<unknown>): Promise<unknown> {
  const [line] = await Promise.race([once(createInterface({ input: child.stdout ?? process.stdin }), 'line'), ended]) as unknown[]
  return line
}

function inNetworkOf (pid: number, command: string, ...args: string[]): void {
  execFileSync('nsenter', ['--target', String(pid), '--net', '--', command, ...args], { stdio: ['ignore', 'ignore', 'inherit'] })
}

function whatIsMissing (): string | false {
  if (process.getuid?.() !== 0) return 'needs root, for networks of its own'
  if (findProgram('ip') === undefined) return 'needs ip: Debian package iproute2'
  return spawnSync('unshare', ['--net', '--uts', 'true']).status === 0 ? false : 'needs unshare: Debian package util-linux, and a kernel that allows it'
}
