import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { startReady, type Daemon } from '../helpers/daemon.js'
import { clickLine, numbers, processorFile, startReplay, subscribed } from '../helpers/replay.js'
import { shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

const lines = 300

/** Of three clients, one is a bot that the processor's filter knows, and one a bot that only the parsed user agent tells. */
const userAgents = ['Mozilla/5.0 (X11; Linux x86_64; rv:30.0) Gecko/20100101 Firefox/30.0', 'OurOwnCrawler/1.0', 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)']
const people = numbers(0, lines).filter(n => n % 3 === 0)

const filters = `export default vanadium => {
  vanadium.fn('not-ours', ({ text }) => !text.includes('OurOwnCrawler'))
  vanadium.fn('no-bots', ({ event }) => event?.userAgent?.is_bot !== true)
}`

function clicksInTable (file: string): number[] {
  try {
    const db = new Database(file, { readonly: true })
    try {
      return db.prepare<[], { n: number }>('SELECT event_clicks - 1 AS n FROM DemoButtonClick_1 ORDER BY id').all().map(({ n }) => n)
    } finally {
      db.close()
    }
  } catch {
    return []
  }
}

// seen to fail when what wraps the processor's input is left out
t.test('rows are missing, and are back-filled from the raw lines: bots that live traffic is filtered of, by processor or consumer, stay out', async t => {
  const directory = shortDirectory(t)
  const [plugIns, rawLog, live, filled] = ['plug-ins', 'raw.log', 'live.sqlite', 'filled.sqlite'].map(name => join(directory, name)) as [string, string, string, string]
  const [raw, valid, replayed, all] = ['raw', 'valid', 'replayed', 'all'].map(name => `ipc://${join(directory, name)}`) as [string, string, string, string]
  mkdirSync(plugIns)
  writeFileSync(join(plugIns, 'filters.mjs'), filters)
  const file = processorFile(directory, '--format %q %{recvFrom}s %{seqId}d %t %h %u', `--plugins ${plugIns}`, `--input filter:${raw}?as=processor&function=not-ours`, `--output ${valid}?journal=valid`)
  const consumer = async (name: string, from: string, store: string): Promise<Daemon> => await startReady(t, 'consumer', '--name', name, '--flush-interval', '0.2', '--plugins', plugIns,
    '--input', `${all}?as=${name}&from=${from}`, '--output', `filter:sqlite://${store}?function=no-bots`)
  const daemons = await Promise.all([
    startReady(t, 'forwarder', '--name', 'raw', '--input', 'stdin://', '--output', `${raw}?journal=raw`),
    startReady(t, 'processor', `@${file}`),
    startReady(t, 'forwarder', '--name', 'all', '--input', `${valid}?as=all`, `${replayed}?as=all`, '--output', `${all}?journal=all`),
    startReady(t, 'consumer', '--name', 'raw-log', '--input', `${raw}?as=raw-log`, '--output', `file://${rawLog}`),
    consumer('live', 'oldest', live)
  ])
  const [beacons] = daemons
  await subscribed(daemons.slice(1))
  beacons.child.stdin.write(numbers(0, lines).map(n => `${clickLine(n, {}, userAgents[n % 3])}\n`).join(''))
  await until('live traffic is stored', () => clicksInTable(live).length >= people.length, 60_000)
  await until('all lines are in the raw log', () => readFileSync(rawLog, 'utf8').split('\n').length > lines)
  // the store whose rows are lost
  const empty = await consumer('filled', 'newest', filled)
  await empty.logged('reading the journal for the first time')

  const { code, printed } = await startReplay(t, '--yes', '--records', rawLog, '--processor', file, '--output', `${replayed}?journal=replay`).result

  t.equal(code, 0)
  t.match(printed, new RegExp(`dropped by the filter: .*: ${lines / 3}$`, 'm'))
  await until('the rows are there', () => clicksInTable(filled).length >= people.length, 60_000)
  t.equal(await empty.stop(), 0)
  t.strictSame(clicksInTable(live), people)
  t.strictSame(clicksInTable(filled), people, 'the same as live')
})
