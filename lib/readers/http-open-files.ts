import { readFileSync } from 'node:fs'

/** What the rest of a daemon has open: its state, outputs, libraries. */
const others = 64
/** Connections at one time that get an answer although they were not let in; further ones are closed at once. */
const mostTurnedAway = 256

export interface Room {
  readonly connections: number
  readonly turnedAway: number
}

/**
 * How many connections there can be: at the limit of open files the kernel's queue would be emptied without a word, and what else the
 * daemon wants to open is refused.
 */
export function roomFor (connections: number, openFiles = openFilesLimit()): Room {
  const free = Math.max(2, openFiles - others)
  const turnedAway = Math.min(mostTurnedAway, Math.ceil(free / 8))
  return { connections: Math.min(connections, free - turnedAway), turnedAway }
}

/** Of this process (proc(5)); Infinity where that cannot be told. */
function openFilesLimit (): number {
  try {
    return Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1] ?? Infinity)
  } catch {
    return Infinity
  }
}
