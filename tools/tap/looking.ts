import type { CommandContext, Transports } from '../../lib/cli/command.js'
import { ConfigError } from '../../lib/errors.js'
import { merge } from '../../lib/stream/merge.js'
import { hidePasswords } from '../../lib/stream/uri.js'

/** The stream for everybody of the shipped topology. */
const usualStream = 'tcp://127.0.0.1:8600'

/** Of every command that looks at streams. */
export const inputOption = { type: 'string', array: true, default: [usualStream], requiresArg: true, description: 'Stream URIs to look at' } as const

/** Silence before it is told, in milliseconds. */
export const silenceMs = 5000

/** Throws `ConfigError` for what cannot be looked at, or not without a trace. */
export function checkInputs (input: readonly string[], { readers }: Pick<Transports, 'readers'>): void {
  for (const uri of input) {
    readers.checkOwn(uri)
    let { handler, params, uri: { rest } } = readers.check(uri)
    while (handler.wraps === true) ({ handler, params, uri: { rest } } = readers.check(rest))
    if ('as' in params) throw new ConfigError('bad-option', `--input ${hidePasswords(uri)}: for a subscriber with a name the publisher keeps what it has not fetched; leave out "as"`)
  }
}

export interface Look {
  readonly input: readonly string[]
  readonly stop: AbortSignal
  /** Nothing has come for some seconds since the start. */
  silent? (words: string): void
  /** No more is pulled before this resolves; false ends it. */
  take (records: readonly string[]): boolean | Promise<boolean>
}

/**
 * Hands over what passes by until it is stopped, or the streams have ended. A stop is not kept waiting by what has arrived: nobody
 * needs what was not shown.
 */
export async function lookAt ({ input, stop, silent, take }: Look, ctx: CommandContext): Promise<void> {
  const inputs = []
  for (const uri of input) inputs.push(await ctx.openReader(uri))
  ctx.ready({})
  const merged = merge(inputs)
  const timer = setTimeout(() => { silent?.(silenceText(input)) }, silenceMs)
  try {
    for (;;) {
      const pulled = await unlessStopped(merged.next(), stop)
      if (pulled === null) return
      clearTimeout(timer)
      if (!await take(pulled.batch.lines())) return
    }
  } finally {
    clearTimeout(timer)
  }
}

function silenceText (input: readonly string[]): string {
  return `nothing has come yet from ${input.map(hidePasswords).join(' ')}: is it published there? See vanadium status, or look elsewhere with --input`
}

/** Null once it is stopped. A race with a promise that lasts would keep every one that took part in it. */
async function unlessStopped<T> (work: Promise<T>, stop: AbortSignal): Promise<T | null> {
  return await new Promise((resolve, reject) => {
    const end = (): void => { resolve(null) }
    stop.addEventListener('abort', end, { once: true })
    work.then(resolve, reject).finally(() => { stop.removeEventListener('abort', end) })
    if (stop.aborted) end()
  })
}
