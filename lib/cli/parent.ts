import type { LifeCycle } from './life-cycle.js'

/**
 * Ends the process when the one that started it is gone, killed or not. It is for processes that were started with an IPC
 * channel, as `vanadium run` starts its daemons: the kernel closes the channel whatever happens, so none is left behind.
 */
export function endWithParent (cycle: LifeCycle): void {
  const end = (): void => { if (!cycle.stop.aborted) cycle.end('the process that started this one is gone') }
  process.once('disconnect', end)
  cycle.defer('the channel to the parent process', () => { process.off('disconnect', end) })
  // false, not undefined, when there was a channel: the parent went before anybody listened
  if (process.connected === false) end()
}
