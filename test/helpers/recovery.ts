import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from './shared.js'
import type { SystemdHost } from './systemd-host.js'

/** Of docs/operations.md: the shell commands below a heading, in order, with the host that their first line names. */
export function procedure (heading: string): Array<{ readonly on: string, readonly commands: string }> {
  const page = readFileSync(join(projectRoot, 'docs', 'operations.md'), 'utf8')
  const start = page.indexOf(`\n${heading}\n`)
  if (start < 0) throw new Error(`docs/operations.md has no heading "${heading}"`)
  const text = page.slice(start + heading.length + 2)
  const section = text.slice(0, /^#{1,3} /m.exec(text.replace(/```sh\n[^]*?```/g, block => block.replace(/[^\n]/g, ' ')))?.index)
  return [...section.matchAll(/```sh\n# on (?<on>[^\n,]+)[^\n]*\n(?<commands>[^]*?)```/g)].map(({ groups }) => ({ on: groups?.['on'] ?? '', commands: groups?.['commands'] ?? '' }))
}

/** Joins hosts by a switch in the first one: each gets an address, `10.78.0.<n>`, from 1 on, its name, and knows those of the others. */
export function connect (hosts: ReadonlyArray<{ readonly name: string, readonly host: SystemdHost }>): void {
  const [hub] = hosts
  if (hub === undefined) return
  inNetworkOf(hub.host, 'ip link add switch type bridge && ip link set switch up && ip address add 10.78.0.1/24 dev switch')
  for (const { name, host } of hosts) {
    host.write('/etc/hosts', ['127.0.0.1 localhost', ...hosts.map((other, i) => `10.78.0.${i + 1} ${other.name}.example.org ${other.name}`), ''].join('\n'))
    execFileSync('nsenter', ['--target', String(host.pid), '--uts', 'hostname', name])
  }
  hosts.forEach(({ host }, i) => { if (i > 0) plugIn(hub.host, host, i + 1) })
}

/** A host that takes the place of another one gets its address. */
export function plugIn (hub: SystemdHost, host: SystemdHost, number: number): void {
  inNetworkOf(hub, `ip link delete to-${number} 2> /dev/null; ip link add to-${number} type veth peer name eth0 netns ${host.pid} && ip link set to-${number} master switch up`)
  inNetworkOf(host, `ip address add 10.78.0.${number}/24 dev eth0 && ip link set eth0 up`)
}

function inNetworkOf ({ pid }: SystemdHost, commands: string): void {
  execFileSync('nsenter', ['--target', String(pid), '--net', 'sh', '-c', commands], { stdio: ['ignore', 'ignore', 'inherit'] })
}
