import type { Transports } from '../lib/cli/command.js'

/** What `vanadium replay` publishes, while it runs, for the forwarder that joins the streams. */
export const replayOutput = 'tcp://127.0.0.1:8620?journal=replay&replay=8720'

/** Values of the options that name what is written. */
export function outputsOf (args: readonly string[]): string[] {
  return args.flatMap((arg, i) => {
    const [, value] = /^--(?:output|invalid|dead-letter)(?:=(.*))?$/s.exec(arg) ?? [null, null]
    if (value === null) return []
    return value ?? args.slice(i + 1, i + 1 + following(args, i + 1))
  })
}

/** An option may take several. */
function following (args: readonly string[], from: number): number {
  const end = args.findIndex((arg, i) => i >= from && arg.startsWith('--'))
  return (end === -1 ? args.length : end) - from
}

/** What is written to behind `map:`, `filter:` and the like. Throws `ConfigError`. */
export function unwrapped (text: string, writers: Transports['writers']): ReturnType<Transports['writers']['check']> {
  let checked = writers.check(text)
  while (checked.handler.wraps === true) checked = writers.check(checked.uri.rest)
  return checked
}
