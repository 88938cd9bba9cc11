import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import t from 'tap'
import { executable } from '../../helpers/daemon.js'
import { lastReport, startDrillPair, withOption } from '../../helpers/drill.js'
import { needsMariadb } from '../../helpers/mariadb.js'
import { needsNetwork } from '../../helpers/network.js'
import { until } from '../../helpers/wait.js'

const patienceMs = 60_000
const needsScript = spawnSync('script', ['--version']).stdout?.includes('util-linux') === true ? false : 'needs script: Debian package bsdutils'

t.test('a drill on a pair that is not well', { skip: needsNetwork !== false ? needsNetwork : needsMariadb }, async t => {
  const pair = await startDrillPair(t)
  const { a, b } = pair.network.hosts

  /** What must be as before. */
  async function touched (): Promise<unknown> {
    const tables = await pair.server.query('SHOW TABLES', pair.database)
    const [lease] = await pair.server.query('SELECT holder, token, wanted_by FROM vanadium_leases', pair.database)
    return { tables, lease, consumers: pair.consumers().length, reports: existsSync(pair.reports), mails: pair.mails() }
  }

  const before = await touched()

  await t.test('a dry run of one that is well touches nothing', async t => {
    const { code, stdout } = await a.vanadium(...pair.args, '--dry-run', '--how', 'kill')

    t.match({ code, stdout }, { code: 0, stdout: /^Fail-over drill of the lease events:\n1\. 5 canaries a second go to udp:[^]*kill -KILL \d+; sh [^]*mail to ops@example\.org/ })
    t.strictSame(await touched(), before)
  })

  await t.test('another host has the lease: it is named', async t => {
    t.match(await b.vanadium(...pair.args, '--yes'), { code: 1, stdout: 'Nothing was done:\n- the lease is held by a/mysql, and this host is b: run the drill on a\n' })
    t.strictSame(await touched(), before)
  })

  /** A drill on a terminal, which has asked; resolves with what is to be called with the answer. */
  async function asked (): Promise<(answer: string) => Promise<{ code: number, text: string }>> {
    const command = [process.execPath, executable, ...pair.args].map(arg => `'${arg}'`).join(' ')
    const child = a.spawn('script', '--quiet', '--flush', '--return', '--command', command, '/dev/null')
    const ended = once(child, 'close')
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => { text += chunk.toString() })
    await until('it asks', () => text.includes('Do it? [y/N]'), patienceMs)
    return async answer => {
      child.stdin.write(`${answer}\n`)
      const [code] = await ended as [number]
      return { code, text }
    }
  }

  await t.test('nobody says yes', { skip: needsScript }, async t => {
    const answer = await asked()
    t.match(await answer('n'), { code: 1, text: /Nothing was done:\r\n- nobody has said yes/ })
    t.strictSame(await touched(), before)
  })

  await t.test('a daemon of this host is down, be it only when somebody says yes', async t => {
    const answer = needsScript === false ? await asked() : null
    const processor = pair.onA.daemons.get('processors/server-side')
    await processor?.stop()
    if (answer !== null) t.match(await answer('y'), { code: 1, text: /- processor server-side is down\r\n/ })
    t.match(await a.vanadium(...pair.args, '--yes'), { code: 1, stdout: /- processor server-side is down\n/ })
    t.strictSame(await touched(), before)
    await pair.onA.start('processors/server-side').logged('ready')
  })

  await t.test('canaries do not arrive: then nothing is disturbed', async t => {
    const nowhere = await a.vanadium(...withOption(pair.args, '--send', `udp://${a.address}:9`), '--yes', '--no-mail', '--again')

    t.match(nowhere, { code: 1 })
    t.match(lastReport(pair), { outcome: 'stopped', takeOver: null, isRestored: true, failures: [/^(a front does not take canaries|canaries do not arrive), so nothing was disturbed/] })
    t.strictSame([await pair.holder(), pair.consumers().length], ['a', 1])
  })

  await t.test('nobody stands by', async t => {
    await b.kill()
    await until('b was not heard of for a while', async () => (await pair.server.query("SELECT 1 FROM vanadium_lease_members WHERE host = 'b' AND seen < UTC_TIMESTAMP() - INTERVAL 25 SECOND", pair.database)).length > 0, patienceMs)
    t.match(await a.vanadium(...pair.args, '--yes', '--again'), { code: 1, stdout: /- nobody stands by: b\/mysql was last heard of \d+ s ago\n/ })
    t.equal(await pair.holder(), 'a')
  })
})
