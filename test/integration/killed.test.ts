import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { startDaemon, type Daemon } from '../helpers/daemon.js'
import { stablePort } from '../helpers/ports.js'
import { shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

const kills = 10
const portion = 200
/** Lines that the chain may be behind. */
const mostAhead = 2000

/** Of an event, or of a line that is none, whose event error has the number in its raw line. */
function line (seqId: number): string {
  const event = { schema: 'DemoButtonClick', revision: 1, wiki: 'testwiki', event: { button: 'save', clicks: seqId + 1 } }
  return `cp1 ${seqId} 2014-05-21T09:30:01 ${seqId % 10 === 7 ? '{"broken"' : JSON.stringify(event)}\n`
}

/** The numbers of the events in a file, and of the lines that event errors are about. */
function eventsIn (file: string): number[] {
  return readFileSync(file, 'utf8').split('\n').slice(0, -1).map(line => {
    const { event } = JSON.parse(line) as { event: { clicks?: number, rawEvent?: string } }
    return event.clicks === undefined ? Number(event.rawEvent?.split(' ')[1]) : event.clicks - 1
  })
}

// seen to fail when the subscribers do not fetch what they missed, and when the file is not cut back to what is safe
t.test('whichever daemon of a journaled chain is killed under load: no record is missing, none is there twice', async t => {
  const directory = shortDirectory(t)
  const [lines, file, log] = ['lines.log', 'events.sqlite', 'events.json'].map(name => join(directory, name)) as [string, string, string]
  const [valid, all] = [`tcp://127.0.0.1:${await stablePort()}`, `tcp://127.0.0.1:${await stablePort()}`]
  writeFileSync(lines, '')
  const processed = `${valid}?journal=valid`
  const stages: Record<string, string[]> = {
    processor: ['--format', '%{recvFrom}s %{seqId}d %t %j', '--input', `file://${lines}?follow=true&poll-interval=20`, '--output', processed, '--invalid', processed],
    forwarder: ['--input', `${valid}?as=forwarder`, '--output', `${all}?journal=all`],
    consumer: ['--flush-interval', '0.2', '--input', `${all}?as=sqlite`, '--output', `sqlite://${file}`],
    log: ['--name', 'log', '--flush-interval', '0.2', '--input', `${all}?as=log`, '--output', `file://${log}?fsync=never`]
  }
  const running: Record<string, Daemon> = {}
  const start = (stage: string): void => { running[stage] = startDaemon(t, stage === 'log' ? 'consumer' : stage, '--state', directory, ...stages[stage] ?? []) }
  const stored = (): number => {
    try {
      const db = new Database(file, { readonly: true })
      try {
        return db.prepare<[], { n: number }>('SELECT (SELECT count(*) FROM DemoButtonClick_1) + (SELECT count(*) FROM EventError_14035058) AS n').get()?.n ?? 0
      } finally {
        db.close()
      }
    } catch {
      return 0
    }
  }

  t.teardown(() => {
    if (!t.passing()) for (const [stage, { log }] of Object.entries(running)) t.comment(stage, JSON.stringify(log.slice(-8)))
  })
  for (const stage of Object.keys(stages)) start(stage)
  // what was pruned before a subscriber was known is not kept for it
  for (const stage of ['forwarder', 'consumer', 'log']) await running[stage]?.logged('reading the journal for the first time')
  let written = 0
  const append = (): void => { appendFileSync(lines, Array.from({ length: portion }, () => line(written++)).join('')) }
  for (let kill = 0; kill < kills; kill++) {
    const stage = Object.keys(stages)[kill % 4] ?? ''
    const reached = stage === 'log' ? (): number => eventsIn(log).length : stored
    const before = reached()
    await until('something more is there', () => {
      const now = reached()
      if (written - now < mostAhead) append()
      return now > before
    })
    running[stage]?.child.kill('SIGKILL')
    append()
    await running[stage]?.ended
    start(stage)
  }
  await until('everything is stored', () => stored() >= written, 60_000)
  await until('everything is in the file', () => eventsIn(log).length >= written, 60_000)
  for (const daemon of Object.values(running)) t.equal(await daemon.stop(), 0)

  const db = new Database(file, { readonly: true })
  t.teardown(() => { db.close() })
  const clicks = db.prepare<[], { n: number }>('SELECT event_clicks - 1 AS n FROM DemoButtonClick_1 ORDER BY id').all().map(({ n }) => n)
  const broken = db.prepare<[], { raw: string }>('SELECT event_rawEvent AS raw FROM EventError_14035058 ORDER BY id').all().map(({ raw }) => Number(raw.split(' ')[1]))
  const numbers = Array.from({ length: written }, (_, n) => n)
  t.ok(written >= kills * portion)
  t.strictSame(clicks, numbers.filter(n => n % 10 !== 7), 'events, in order')
  t.strictSame(broken, numbers.filter(n => n % 10 === 7), 'and event errors')
  t.strictSame(eventsIn(log), numbers, 'and all in the file')
  for (const { log } of Object.values(running)) t.same(log.filter(({ level }) => level === 'error'), [])
})
