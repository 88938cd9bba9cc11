import t from 'tap'
import { agrees, lastReport, noteAll, startDrillPair, withOption } from '../../helpers/drill.js'
import { needsMariadb } from '../../helpers/mariadb.js'
import { needsNetwork } from '../../helpers/network.js'
import { booksOf, startTraffic } from '../../helpers/traffic.js'
import { until } from '../../helpers/wait.js'

t.test('a drill that stops, or kills, the writer', { skip: needsNetwork !== false ? needsNetwork : needsMariadb }, async t => {
  const pair = await startDrillPair(t)
  const { a, b, traffic } = pair.network.hosts
  await noteAll(pair)
  const sender = startTraffic(traffic, { to: [a, b], perSecond: 200, kinds: ['server'] })

  for (const how of ['stop', 'kill']) {
    await t.test(`${how}: the report agrees with what the test has counted, and all is as before`, async t => {
      const { code, stdout, stderr } = await a.vanadium(...pair.args, '--how', how, '--yes', '--again')

      t.equal(code, 0, `${stdout}${stderr}`)
      await agrees(t, pair)
      t.equal(await pair.holder(), 'a')
      t.match(pair.consumers(), /^[SR]$/)
    })
  }

  const sent = await sender.stop()
  await until('all is stored', async () => (await booksOf(pair.server, pair.database, sent)).missing.length === 0, 90_000, 200)
  const { missing, doubled, strange } = await booksOf(pair.server, pair.database, sent)
  t.strictSame({ missing, doubled, strange }, { missing: [], doubled: [], strange: [] }, `${sent.size} events of others`)
  t.match(pair.mails(), /^Subject: vanadium: fail-over drill begins on a$[^]*^Subject: vanadium: fail-over drill passed: rows went on after [\d.]+ s \(a\)$/m)

  await t.test('what cannot be put back is a failure, also of a drill that is interrupted', async t => {
    const drill = a.daemon(...withOption(pair.args, '--start-command', 'false'), '--how', 'stop', '--yes', '--again', '--no-mail')
    await until('the writer is down', () => pair.consumers() === '', 90_000)

    drill.child.kill('SIGINT')

    t.equal(await drill.ended, 2)
    t.match(lastReport(pair), { outcome: 'failed', isRestored: false, failures: ['stopped before the end', /^it could not be put back, in three attempts: false/] })
  })
})
