import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { nobodyOptedOut } from '../../lib/event/opt-out.js'
import type { RecordError } from '../../lib/errors.js'
import { createLog } from '../../lib/log.js'
import { createMetrics } from '../../lib/metrics.js'
import type { RefusedSchema, Schema, SchemaRepository } from '../../lib/event/schemas.js'
import type { Context } from '../../lib/stream/contracts.js'
import { Lags } from '../../lib/stream/lag.js'
import { Entries } from '../../lib/stream/ledger.js'
import { openState, type State } from '../../lib/stream/state.js'

export interface TestContext extends Context {
  /** What went to the dead letters. */
  readonly letters: Array<{ record: string, error: RecordError }>
  /** How often `progress` was said, `waiting` included. */
  progressed (): number
  /** What is waited for, and why. */
  readonly waits: Map<string, string>
  /** The log so far, one object a line. */
  logged (): Array<Record<string, unknown>>
  /** What the first SIGTERM does. */
  abort (): void
  /** What SIGHUP does. */
  reload (): Promise<void>
  /** Runs the releases, last-in-first-out, and removes the state. */
  end (): Promise<void>
}

/** A daemon's context made of the real parts: log (kept in memory), metrics (counted only), state (a directory of its own). */
export function testContext (overrides: Partial<Context> = {}): TestContext {
  const stop = new AbortController()
  const text: string[] = []
  const stream = new Writable({
    write (chunk: Buffer, _encoding, done) {
      text.push(chunk.toString())
      done()
    }
  })
  const log = createLog({ level: 'debug', burst: 100, stream })
  const letters: TestContext['letters'] = []
  const waits = new Map<string, string>()
  let progressed = 0
  const releases: Array<() => Promise<void> | void> = []
  const reloads: Array<() => Promise<void> | void> = []
  let state: State | undefined

  function openOwnState (): State {
    const directory = mkdtempSync(join(tmpdir(), 'vanadium-test-'))
    const opened = openState(directory, 'test')
    releases.unshift(() => {
      opened.close()
      rmSync(directory, { recursive: true })
    })
    return opened
  }

  return {
    daemon: 'consumer',
    name: 'test',
    log,
    metrics: createMetrics(null),
    stop: stop.signal,
    get state () { return (state ??= openOwnState()) },
    lags: overrides.lags ?? new Lags(createMetrics(null)),
    ledger: overrides.state?.ledger ?? new Entries(),
    get stateIfAny () { return overrides.state ?? state ?? null },
    save: async () => { (overrides.state ?? state)?.save() },
    progress () { progressed++ },
    waiting (what, why) {
      progressed++
      if (why === null) waits.delete(what)
      else waits.set(what, why)
    },
    progressed: () => progressed,
    waits,
    schemas: schemasOf([]),
    optOut: nobodyOptedOut,
    deadLetters: {
      add (record, error) { letters.push({ record, error }) },
      drain: async () => {}
    },
    defer (_what, release) { releases.push(release) },
    onReload (reload) { reloads.push(reload) },
    openReader: async uri => await Promise.reject(new Error(`this test opens no reader: ${uri}`)),
    openWriter: async uri => await Promise.reject(new Error(`this test opens no writer: ${uri}`)),
    plugInFunction (name) { throw new Error(`this test has no plug-in function: ${name}`) },
    letters,
    logged: () => text.join('').split('\n').filter(line => line !== '').map(line => JSON.parse(line) as Record<string, unknown>),
    abort () { stop.abort() },
    async reload () { for (const reload of reloads) await reload() },
    async end () {
      stop.abort()
      for (const release of releases.splice(0).reverse()) await release()
      log.flush()
    },
    ...overrides
  }
}

/** A repository of exactly these schemas. */
export function schemasOf (schemas: ReadonlyArray<Schema | RefusedSchema>): SchemaRepository {
  return {
    find: (name, revision) => schemas.find(schema => schema.name === name && schema.revision === revision),
    canFetch: () => false,
    fetch: async () => await Promise.resolve(undefined),
    list: () => [...schemas],
    reload: async () => {}
  }
}
