import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { codeOf, ConfigError, messageOf, StreamError } from '../../lib/errors.js'

/** What systemd says of a unit (systemctl(1), `show`). */
export interface UnitState {
  readonly unit: string
  /** `loaded`, `not-found`, `masked` … */
  readonly load: string
  /** `active`, `reloading`, `inactive`, `failed`, `activating`, `deactivating` */
  readonly active: string
  /** `running`, `auto-restart`, `start`, `stop-sigterm` … */
  readonly sub: string
  readonly isEnabled: boolean
  /** `success`, `exit-code`, `signal`, `watchdog`, `timeout` … */
  readonly result: string
  /** Of the process that ended last: its exit code, or the number of its signal. */
  readonly exit: { readonly how: 'exited' | 'killed', readonly status: number } | null
  /** Since it was started by hand. */
  readonly restarts: number
  readonly memoryBytes: number | null
  /** What the daemon says of itself. */
  readonly text: string
  /** How long it has been so, in milliseconds; null if it never was otherwise. */
  readonly sinceMs: number | null
}

const properties = ['Id', 'LoadState', 'ActiveState', 'SubState', 'UnitFileState', 'Result', 'ExecMainCode', 'ExecMainStatus', 'NRestarts', 'MemoryCurrent', 'StatusText', 'StateChangeTimestampMonotonic', 'ActiveEnterTimestampMonotonic']

/** CLD_EXITED of waitid(2). */
const exited = '1'
/** Longest output that is read, in bytes. */
const mostBytes = 16 << 20

export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Throws `ConfigError` where systemd is not the one who starts services (sd_booted(3)). */
export function requireSystemd (): void {
  if (existsSync('/run/systemd/system')) return
  throw new ConfigError('bad-option', 'systemd does not run here: /run/systemd/system is not there; start daemons as you start others here, and see them with vanadium status')
}

/** Runs systemctl. Throws `ConfigError` if this user may not do that, or there is no systemctl. */
export async function systemctl (...args: string[]): Promise<Outcome> {
  const outcome = await run('systemctl', ['--no-ask-password', '--no-pager', '--full', ...args])
  // polkit refuses in several ways; whoever is not root is mostly refused
  const mayBeRefused = args[0] !== 'show' && args[0] !== 'list-units' && process.getuid?.() !== 0
  if (outcome.code === 0 || !mayBeRefused) return outcome
  throw new ConfigError('bad-option', `systemctl ${args[0] ?? ''}: ${outcome.stderr.trim()}; run this as root: sudo vanadiumctl …`)
}

/** Runs journalctl to its end. */
export async function journal (...args: string[]): Promise<string> {
  return (await run('journalctl', ['--no-pager', '--quiet', ...args])).stdout
}

async function run (program: string, args: readonly string[]): Promise<Outcome> {
  return await new Promise((resolve, reject) => {
    execFile(program, args, { env: environment(), maxBuffer: mostBytes }, (error, stdout, stderr) => {
      if (typeof error?.code === 'string') reject(missing(program, error))
      else resolve({ code: error === null ? 0 : error.code ?? 1, stdout, stderr })
    })
  })
}

/** Runs journalctl until it ends, or `stop` is aborted; each line that it prints goes to `take`. Resolves with its exit code. */
export async function followJournal (args: readonly string[], take: (line: string) => void, stop: AbortSignal): Promise<number> {
  const child = spawn('journalctl', ['--no-pager', ...args], { env: environment(), stdio: ['ignore', 'pipe', 'inherit'] })
  const end = (): void => { child.kill('SIGTERM') }
  stop.addEventListener('abort', end, { once: true })
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', error => { reject(missing('journalctl', error)) })
    child.once('close', code => { resolve(code ?? 0) })
  })
  let rest = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) take(line)
  })
  try {
    return await ended
  } finally {
    stop.removeEventListener('abort', end)
  }
}

function missing (program: string, cause: Error): Error {
  if (codeOf(cause) === 'ENOENT') return new ConfigError('bad-option', `there is no ${program} here; vanadiumctl needs systemd`, { cause })
  return new StreamError('cannot-read', `${program}: ${messageOf(cause)}`, { cause })
}

/** Nothing of it in another language, or in colours. */
function environment (): NodeJS.ProcessEnv {
  return { ...process.env, LC_ALL: 'C.UTF-8', SYSTEMD_COLORS: '0', SYSTEMD_URLIFY: '0', SYSTEMD_PAGER: '' }
}

/** Of each unit, also of one that is not loaded yet. */
export async function statesOf (units: readonly string[]): Promise<Map<string, UnitState>> {
  if (units.length === 0) return new Map()
  const { code, stdout, stderr } = await systemctl('show', ...properties.map(property => `--property=${property}`), '--', ...units)
  if (code !== 0) throw new StreamError('cannot-read', `systemctl show: ${stderr.trim()}`)
  const now = process.hrtime.bigint()
  return new Map(stdout.trim().split(/\n\n+/).map(block => stateIn(block, now)).map(state => [state.unit, state]))
}

/** `nowNs`: the monotonic clock. */
export function stateIn (block: string, nowNs: bigint): UnitState {
  const values = new Map(block.split('\n').map(line => {
    const at = line.indexOf('=')
    return [line.slice(0, at), line.slice(at + 1)] as const
  }))
  const value = (name: string): string => values.get(name) ?? ''
  const code = value('ExecMainCode')
  // a reload is a change of the state, too
  const since = /^(active|reloading)$/.test(value('ActiveState')) ? 'ActiveEnterTimestampMonotonic' : 'StateChangeTimestampMonotonic'
  const sinceUs = BigInt(/^\d+$/.exec(value(since))?.[0] ?? 0)
  return {
    unit: value('Id'),
    load: value('LoadState'),
    active: value('ActiveState'),
    sub: value('SubState'),
    isEnabled: /^enabled/.test(value('UnitFileState')),
    result: value('Result'),
    exit: code === '' || code === '0' ? null : { how: code === exited ? 'exited' : 'killed', status: Number(value('ExecMainStatus')) },
    restarts: Number(value('NRestarts')) || 0,
    // 2^64 - 1 stands for none
    memoryBytes: /^\d{1,15}$/.test(value('MemoryCurrent')) ? Number(value('MemoryCurrent')) : null,
    text: value('StatusText'),
    sinceMs: sinceUs === 0n ? null : Number((nowNs / 1000n - sinceUs) / 1000n)
  }
}

export const target = 'vanadium.target'

/** Names of all units that systemd knows of instances: those that are loaded, and those that the target wants; whether that starts with the host. */
export async function knownToSystemd (): Promise<{ loaded: string[], enabled: string[], isTargetEnabled: boolean }> {
  const [list, shown] = await Promise.all([
    systemctl('list-units', '--all', '--plain', '--no-legend', '--type=service', 'vanadium-*@*'),
    systemctl('show', '--property=LoadState', '--property=Wants', '--property=UnitFileState', target)
  ])
  const value = (property: string): string => new RegExp(`^${property}=(.*)$`, 'm').exec(shown.stdout)?.[1] ?? ''
  const load = value('LoadState')
  if (load !== 'loaded') throw new ConfigError('bad-option', `systemd has no ${target} (${load === '' ? shown.stderr.trim() : load}); install the units, then: systemctl daemon-reload`)
  return {
    loaded: list.stdout.split('\n').map(line => line.trim().split(/\s+/)[0] ?? '').filter(Boolean),
    enabled: value('Wants').split(' ').filter(Boolean),
    isTargetEnabled: /^enabled/.test(value('UnitFileState'))
  }
}
