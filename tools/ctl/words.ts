import { exitCodes } from '../../lib/errors.js'
import type { UnitState } from './systemd.js'

/** The state of a unit in words. */
export function stateWords (state: UnitState): string {
  const { load, active, sub } = state
  if (load === 'not-found') return 'no such unit: systemctl daemon-reload?'
  if (load !== 'loaded') return load
  switch (active) {
    case 'active': return 'runs'
    case 'reloading': return 'reloads'
    case 'deactivating': return 'stops'
    case 'activating': return sub === 'auto-restart' ? `restarts after ${endWords(state)}` : 'starts'
    case 'failed': return `failed: ${endWords(state)}`
    default: return state.isEnabled ? 'stopped' : 'stopped, not enabled'
  }
}

/** How the last process ended. */
function endWords ({ result, exit }: UnitState): string {
  if (result === 'watchdog') return 'it hung (watchdog)'
  if (result === 'oom-kill') return 'it had no memory left'
  if (result === 'timeout') return 'it took too long'
  if (exit === null) return result
  if (exit.how === 'killed') return `signal ${exit.status}`
  const meaning = exit.status === exitCodes.config ? ', bad configuration' : exit.status === exitCodes.bug ? ', a bug' : ''
  return `exit code ${exit.status}${meaning}`
}

/** Whether systemd has it for bad configuration, which it does not try again. */
export function isRefused ({ active, exit }: UnitState): boolean {
  return active === 'failed' && exit?.how === 'exited' && exit.status === exitCodes.config
}
