import { ConfigError } from '../../lib/errors.js'
import { batchOfRecords, recordsOf } from '../../lib/stream/batch.js'
import type { Batch, Context, Reader } from '../../lib/stream/contracts.js'
import { generatedReader } from '../../lib/stream/generated-reader.js'
import type { Schemes } from '../../lib/stream/schemes.js'

/** What stands in the place of the live stream, inside what wraps it. */
const scheme = 'replayed'

/** Sends batches through what wraps the input of the live processor: the same `filter:` and `map:`. */
export interface LiveInput {
  /** What is left of a batch, without a position; null for nothing. */
  pass (batch: Batch): Promise<Batch | null>
}

/**
 * The wrappers of the live processor's inputs: a URI with our own stream in the place of the one that is read live, or null if nothing
 * wraps it. Throws `ConfigError` if its inputs are not wrapped alike.
 */
export function wrappersOf (inputs: readonly string[], readers: Schemes<Reader>, option: string): string | null {
  const wrapped = [...new Set(inputs.map(uri => rewrapped(uri, readers)))]
  if (wrapped.length > 1) {
    throw new ConfigError('bad-option', `${option}: its inputs go through different functions (${inputs.join(', ')}), and a kept line does not tell by which it came; name an argument file with only one of them`)
  }
  return wrapped[0] ?? null
}

function rewrapped (uri: string, readers: Schemes<Reader>): string | null {
  let inner = uri
  for (let checked = readers.check(inner); checked.handler.wraps === true; checked = readers.check(inner)) inner = checked.uri.rest
  if (inner === uri) return null
  const [head, options] = parts(uri)
  const [innerHead, innerOptions] = parts(inner)
  const own = options.filter(option => !innerOptions.includes(option))
  return `${head.slice(0, head.length - innerHead.length)}${scheme}:${own.length === 0 ? '' : `?${own.join('&')}`}`
}

function parts (uri: string): [head: string, options: string[]] {
  const at = uri.indexOf('?')
  return at === -1 ? [uri, []] : [uri.slice(0, at), uri.slice(at + 1).split('&')]
}

/** Opens the wrappers for `ctx`, to which goes what their functions fail with. */
export type OpenLiveInput = (ctx: Context) => Promise<LiveInput>

/** What stands between the live processors and their streams. To be called once for a process: it adds a scheme. */
export function liveInputs (readers: Schemes<Reader>): (wrappers: string | null) => OpenLiveInput {
  let innermost: Handoff | null = null
  readers.add({
    schemes: [scheme],
    summary: 'What is replayed.',
    examples: [],
    params: { type: 'object', properties: {}, additionalProperties: false },
    open: async () => await Promise.resolve((innermost = new Handoff()).reader)
  })

  return wrappers => async ctx => {
    if (wrappers === null) return { pass: async batch => await Promise.resolve(batch) }
    innermost = null
    const reader = await readers.open(wrappers, ctx)
    const handoff = innermost as Handoff | null
    if (handoff === null) throw new ConfigError('bad-uri', `${wrappers}: the wrapper did not open what it wraps; --processor cannot be used with it`)
    ctx.defer('what wraps the input', async () => { await reader.close() })
    return throughWrappers(reader, handoff)
  }
}

function throughWrappers (reader: Reader, handoff: Handoff): LiveInput {
  const iterator = reader[Symbol.asyncIterator]()
  let asked: Promise<IteratorResult<Batch>> | null = null
  return {
    async pass (batch) {
      const records: Buffer[] = []
      const done = handoff.give(batch)
      for (;;) {
        asked ??= iterator.next()
        // when the wrapper asks for another batch, it has given all that it makes of this one
        const result = await Promise.race([asked, done])
        if (result === null) return batchOfRecords(records)
        asked = null
        if (result.done === true) throw new ConfigError('bad-uri', 'what wraps the input of --processor ended before its input did; it cannot be used for a replay')
        if (result.value.count > 0) records.push(...recordsOf(result.value))
      }
    }
  }
}

/** A reader that is given its batches one by one. */
class Handoff {
  readonly reader: Reader
  #batch: Batch | null = null
  #taken: () => void = () => {}
  #wake: () => void = () => {}
  #closed = false

  constructor () {
    this.reader = generatedReader(this.#batches(), {
      release: () => {
        this.#closed = true
        this.#wake()
      }
    })
  }

  /** Resolves with null when the next one is asked for. */
  async give (batch: Batch): Promise<null> {
    this.#batch = batch
    this.#wake()
    return await new Promise(resolve => { this.#taken = () => { resolve(null) } })
  }

  async * #batches (): AsyncGenerator<Batch> {
    while (!this.#closed) {
      const batch = this.#batch
      if (batch === null) {
        await new Promise<void>(resolve => { this.#wake = resolve })
        continue
      }
      yield batch
      this.#batch = null
      this.#taken()
    }
  }
}
