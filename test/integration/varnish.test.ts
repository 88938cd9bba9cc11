import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { expandArguments } from '../../lib/cli/arguments.js'
import { startReady } from '../helpers/daemon.js'
import { needsMariadb, startMariadb } from '../helpers/mariadb.js'
import { freePort } from '../helpers/ports.js'
import { projectRoot } from '../helpers/shared.js'
import { needsVarnish, startVarnish } from '../helpers/varnish.js'
import { until } from '../helpers/wait.js'

const requests = 1000

/** The format that the shipped processor of client-side events has. */
function shippedFormat (): string {
  const args = expandArguments([`@${join(projectRoot, 'etc', 'vanadium.d', 'processors', 'client-side')}`])
  return args[args.indexOf('--format') + 1] ?? ''
}

t.test(`${requests} beacons through Varnish become ${requests} rows in MariaDB and ${requests} lines in the log`, { skip: needsVarnish === false ? needsMariadb : needsVarnish }, async t => {
  const log = join(t.testdir(), 'all-events.log')
  const [mariadb, varnish] = await Promise.all([startMariadb(), startVarnish()])
  t.teardown(async () => { await Promise.all([mariadb.stop(), varnish.stop()]) })
  const database = await mariadb.database()
  const [raw, valid, all] = [await freePort(), await freePort(), await freePort()].map(port => `tcp://127.0.0.1:${port}`) as [string, string, string]
  const store = await startReady(t, 'consumer', '--name', 'mysql', '--input', all, '--output', `mysql://root@127.0.0.1:${mariadb.port}/${database}`)
  const archive = await startReady(t, 'consumer', '--name', 'file', '--input', all, '--output', `file://${log}`)
  const multiplexer = await startReady(t, 'forwarder', '--name', 'all', '--input', valid, '--output', all)
  const processor = await startReady(t, 'processor', '--format', shippedFormat(), '--address-key', join(t.testdirName, 'key'), '--input', raw, '--output', valid, '--invalid', valid)
  const forwarder = await startReady(t, 'forwarder', '--name', 'varnish', '--input', 'stdin://', '--output', raw)
  const lines = await varnish.follow()
  const pump = (async () => { for await (const line of lines) forwarder.child.stdin.write(`${line}\n`) })()
  const count = async (sql: string): Promise<number> => Number((await mariadb.query(sql, database))[0]?.['n'])
  const stored = async (): Promise<number> => await count('SELECT COUNT(*) AS n FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = \'DemoButtonClick_1\'') === 0
    ? 0
    : await count('SELECT COUNT(*) AS n FROM DemoButtonClick_1 WHERE wiki = \'varnishtest\'')

  await until('the chain is joined', async () => {
    await beacon(varnish.url, 'probe', 0)
    return await count('SELECT COUNT(*) AS n FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = \'DemoButtonClick_1\'') > 0
  })
  for (let i = 0; i < requests; i += 20) {
    const responses = await Promise.all(Array.from({ length: 20 }, async (_, k) => await beacon(varnish.url, 'varnishtest', i + k)))
    if (responses.some(status => status !== 204)) t.fail(`a beacon was answered with ${responses.join(' ')}`)
  }

  await until(`${requests} rows`, async () => await stored() >= requests)
  const logged = (): string[] => readFileSync(log, 'utf8').split('\n').filter(line => line.includes('"varnishtest"'))
  await until(`${requests} lines`, () => logged().length >= requests)
  t.equal(await stored(), requests)
  t.equal(logged().length, requests)
  t.equal(new Set(logged().map(line => (JSON.parse(line) as { uuid: string }).uuid)).size, requests)
  const [row] = await mariadb.query('SELECT * FROM DemoButtonClick_1 WHERE wiki = \'varnishtest\' LIMIT 1', database)
  t.match(row, { uuid: /^[0-9a-f]{32}$/, timestamp: /^20\d{12}$/, userAgent: 'vanadium test', clientIp: /^[0-9a-f]{40}$/ })

  await varnish.stop()
  await pump
  forwarder.child.stdin.end()
  t.equal(await forwarder.ended, 0, 'the forwarder drains at the end of varnishncsa')
  for (const daemon of [processor, multiplexer, store, archive]) t.equal(await daemon.stop(), 0)
})

async function beacon (url: string, wiki: string, i: number): Promise<number> {
  const capsule = { schema: 'DemoButtonClick', revision: 1, wiki, webHost: 'en.example.org', event: demoEvent(i) }
  const response = await fetch(`${url}/event.gif?${encodeURIComponent(JSON.stringify(capsule))};`, { headers: { 'user-agent': 'vanadium test' } })
  return response.status
}

function demoEvent (i: number): Record<string, unknown> {
  return { button: 'save', clicks: i + 1 }
}
