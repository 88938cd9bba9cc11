import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { startDaemon, startReady } from '../helpers/daemon.js'
import { clickLine, clicksIn, eventsIn, numbers, processorFile, startReplay, write, type LoggedEvent } from '../helpers/replay.js'
import { shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

const format = '%q %{recvFrom}s %{seqId}d %t %h %{userAgent}i'
const lines = 600
/** Events of a session, which are not next to each other. */
const together = 6
const sessionOf = (n: number): string => `session ${n % (lines / together)}`
const lineOf = (n: number): string => clickLine(n, { event: { button: 'save', clicks: n + 1, label: sessionOf(n) } })

interface Sampled extends LoggedEvent { readonly samplingRate: number, readonly event: LoggedEvent['event'] & { readonly label: string } }

const sampledIn = (file: string): Sampled[] => eventsIn(file) as Sampled[]
const uuidsIn = (file: string): string[] => sampledIn(file).map(({ uuid }) => uuid).sort()

function registryOf (directory: string, rate: number): string {
  const path = join(directory, 'registry.yaml')
  writeFileSync(path, `schemas:\n  DemoButtonClick:\n    sampling: { rate: ${rate}, by: event.label }\n`)
  return path
}

// seen to fail when a decision has something of the host or the order in it, and when replay does not take the registry of the processor
t.test('two processors keep the same whole sessions, in whatever order they come; so does a replay; and the view weighs them', async t => {
  const directory = shortDirectory(t)
  const registry = registryOf(directory, 0.3)
  const [one, other, replayed, sqlite] = ['one.json', 'other.json', 'replayed.json', 'one.sqlite'].map(name => join(directory, name)) as [string, string, string, string]
  const [forwards, backwards] = [numbers(0, lines), numbers(0, lines).reverse()].map((order, at) => write(join(directory, `${at}.log`), order.map(lineOf))) as [string, string]
  const process = async (name: string, input: string, ...outputs: string[]): Promise<number | string> => await startDaemon(t, 'processor', '--name', name, '--format', format, '--registry', registry,
    '--address-key', join(directory, name), '--input', `file://${input}`, '--output', ...outputs).ended

  t.strictSame(await Promise.all([process('one', forwards, `file://${one}`, `sqlite://${sqlite}`), process('other', backwards, `file://${other}`)]), [0, 0])
  const { code, printed } = await startReplay(t, '--yes', '--rate', '0', '--records', backwards, '--processor', processorFile(directory, `--registry ${registry}`), '--output', `file://${replayed}`).result

  t.equal(code, 0)
  const kept = sampledIn(one)
  const sessions = new Set(kept.map(({ event: { label } }) => label))
  t.ok(sessions.size > 10 && sessions.size < 60, String(sessions.size))
  t.equal(kept.length, sessions.size * together, 'sessions are whole')
  t.strictSame(new Set(kept.map(({ samplingRate }) => samplingRate)), new Set([0.3]))
  t.strictSame(uuidsIn(other), uuidsIn(one))
  t.strictSame(uuidsIn(replayed), uuidsIn(one))
  t.match(printed, new RegExp(`not among the share that the registry keeps \\(sampling\\): ${lines - kept.length}$`, 'm'))
  const ledger = startDaemon(t, 'ledger', '--by-schema', '--schema', 'DemoButtonClick')
  let books = ''
  ledger.child.stdout.on('data', (chunk: Buffer) => { books += chunk.toString() })
  t.equal(await ledger.ended, 0, 'the books balance')
  t.match(books, new RegExp(`DemoButtonClick .*\\b${kept.length}\\b.*\\b${lines - kept.length}\\b`), books)
  const db = new Database(sqlite, { readonly: true })
  t.teardown(() => { db.close() })
  t.match(db.prepare('SELECT COUNT(*) AS n, SUM(weight) AS events FROM DemoButtonClick').get(), { n: kept.length, events: kept.length / 0.3 })
})

// seen to fail when the sampler keeps the registry of the start
t.test('a reload changes the rate; a registry that is wrong keeps the one before, and at the start ends the processor', async t => {
  const directory = shortDirectory(t)
  const registry = registryOf(directory, 0)
  const output = join(directory, 'out.json')
  const args = ['processor', '--format', format, '--registry', registry, '--address-key', join(directory, 'key'), '--input', 'stdin://', '--output', `file://${output}`]
  const processor = await startReady(t, ...args)
  const reloads = (): number => processor.log.filter(({ message }) => message === 'reloaded').length
  const send = (from: number, end: number): void => { processor.child.stdin.write(numbers(from, end).map(n => `${lineOf(n)}\n`).join('')) }
  const reload = async (): Promise<void> => {
    const before = reloads()
    processor.child.kill('SIGHUP')
    await until('it has reloaded', () => reloads() > before)
  }
  /** An event of a schema that is not sampled comes out behind the others: none is still on its way. */
  const isThrough = async (n: number): Promise<void> => {
    processor.child.stdin.write(`${clickLine(n, { schema: 'Canary', event: { uuid: 'a'.repeat(32), host: 'h', front: 'f', sent: n } })}\n`)
    await until('what was sent is through', () => eventsIn(output).some(({ event }) => (event as { sent?: number }).sent === n))
  }

  send(0, 5)
  await isThrough(1000)
  registryOf(directory, 1)
  await reload()
  send(5, 10)
  await isThrough(1001)
  writeFileSync(registry, 'schemas: { DemoButtonClick: { sampling: { rate: 2 } } }')
  await reload()
  send(10, 15)
  await isThrough(1002)
  processor.child.stdin.end()

  t.equal(await processor.ended, 0)
  t.strictSame(clicksIn(output), numbers(5, 15))
  t.match(processor.log.at(-1), { counts: { valid: 13, sampled: 5, 'overall.sampled': 5, 'schema.DemoButtonClick.sampled': 5 } })
  t.match(processor.log.find(({ level }) => level === 'error'), { message: 'the registry was not read again', reason: /rate/ })
  t.equal(await startDaemon(t, ...args).ended, 78)
})
