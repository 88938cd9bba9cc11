import { bytesText, durationText, numberText, tableText } from '../text.js'
import type { DaemonStatus } from './daemons.js'

const header = ['daemon', 'instance', 'state', 'since', 'records/s', 'lag', 'lag time', 'memory', 'last error']
const right = ['since', 'records/s', 'lag', 'lag time', 'memory']

export function statusText (daemons: readonly DaemonStatus[], nowMs: number): string {
  return tableText(header, daemons.map(daemon => rowOf(daemon, nowMs)), right)
}

function rowOf ({ daemon, instance, up, stuckMs, startedMs, rate, memoryBytes, lag, lastError }: DaemonStatus, nowMs: number): string[] {
  return [
    daemon,
    instance,
    !up ? 'down' : stuckMs === null ? 'up' : `stuck ${durationText(stuckMs)}`,
    startedMs === null ? '' : durationText(nowMs - startedMs),
    rate === null ? '' : numberText(Math.round(rate)),
    lag === null ? '' : numberText(lag.records),
    lag === null ? '' : durationText(lag.seconds * 1000),
    memoryBytes === null ? '' : bytesText(memoryBytes),
    lastError === null ? '' : `${durationText(nowMs - lastError.atMs)} ago: ${lastError.message}`
  ]
}
