import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lastReport, startDrillPair, withOption } from '../../helpers/drill.js'
import { needsMariadb } from '../../helpers/mariadb.js'
import { needsNetwork } from '../../helpers/network.js'
import type { NetworkHost } from '../../helpers/network-host.js'
import { until } from '../../helpers/wait.js'

const patienceMs = 60_000

t.test('a drill on a pair that is not well', { skip: needsNetwork !== false ? needsNetwork : needsMariadb }, async t => {
  const pair = await startDrillPair(t)
  const { a, b, db } = pair.network.hosts
  const account = await accountOf()

  /** What must be as before. */
  async function touched (): Promise<unknown> {
    const tables = await pair.server.query('SHOW TABLES', pair.database)
    const [lease] = await pair.server.query('SELECT holder, token, wanted_by FROM vanadium_leases', pair.database)
    return { tables, lease, consumers: pair.consumers().length, reports: existsSync(pair.reports), mails: pair.mails() }
  }

  const before = await touched()

  async function refused (on: NetworkHost, args = pair.args): Promise<string> {
    const { code, stdout, stderr } = await on.vanadium(...args, '--yes')
    t.equal(code, 1, stdout + stderr)
    t.match(stdout, /^Nothing was done:\n- /)
    t.strictSame(await touched(), before)
    return stdout
  }

  async function accountOf (): Promise<(right: string) => Promise<string>> {
    await pair.server.query("CREATE USER looks@'%'")
    await pair.server.query(`GRANT SELECT ON ${pair.database}.* TO looks@'%'`)
    return async right => {
      if (right !== '') await pair.server.query(`GRANT ${right} ON ${pair.database}.vanadium_leases TO looks@'%'`)
      return `mysql://looks@${db.address}:${pair.server.port}/${pair.database}`
    }
  }

  await t.test('a dry run of one that is well touches nothing', async t => {
    const { code, stdout } = await a.vanadium(...pair.args, '--dry-run', '--how', 'kill')

    t.match({ code, stdout }, { code: 0, stdout: /^Fail-over drill of the lease events:\n1\. 5 canaries a second go to udp:[^]*kill -KILL \d+; sh [^]*mail to ops@example\.org/ })
    t.strictSame(await touched(), before)
  })

  await t.test('without a terminal nobody can be asked', async t => {
    t.match(await a.vanadium(...pair.args), { code: 78, stderr: /--yes or --dry-run is missing/ })
    t.strictSame(await touched(), before)
  })

  await t.test('another host has the lease: it is named', async t => {
    t.match(await refused(b), /the lease is held by a\/mysql, and this host is b: run the drill on a\n/)
  })

  await t.test('the account may not ask for the lease back', async t => {
    const args = withOption(pair.args, '--read', await account(''))
    t.match(await refused(a, args), /the account cannot ask for the lease back: .*denied.*; GRANT UPDATE \(wanted_by\)/)
    t.match(await a.vanadium(...args, '--dry-run', '--stay'), { code: 0 })
    await account('UPDATE (wanted_by)')
    t.match(await a.vanadium(...args, '--dry-run'), { code: 0 })
  })

  await t.test('the database is read-only', async t => {
    await pair.server.query('SET GLOBAL read_only = 1')
    t.match(await refused(a), /- the database is read-only\n/)
    await pair.server.query('SET GLOBAL read_only = 0')
  })

  await t.test('the one that stands by asks for the lease', async t => {
    // who takes that back is its consumer, which does not know of it
    await b.pause()
    await pair.server.query("UPDATE vanadium_leases SET wanted_by = 'b/mysql/0'", pair.database)
    const { code, stdout } = await a.vanadium(...pair.args, '--yes')
    b.resume()

    t.match({ code, stdout }, { code: 1, stdout: /- b\/mysql\/0 asks for the lease: it has events that the writer never got\n/ })
    await until('nobody wants it any more', async () => JSON.stringify(await touched()) === JSON.stringify(before), patienceMs)
  })

  await t.test('there was a drill within the hour, unless it was not done to its end', async t => {
    mkdirSync(pair.reports)
    const report = join(pair.reports, '20150521T093001Z-failover.json')
    const write = (outcome: string, started: number): void => { writeFileSync(report, JSON.stringify({ outcome, started: new Date(started).toISOString() })) }
    const dry = async (...args: string[]): Promise<{ code: number, stdout: string }> => await a.vanadium(...pair.args, '--dry-run', ...args)

    write('failed', Date.now() - 600_000)
    t.match(await dry(), { code: 1, stdout: /- the last drill was 10 min ago; --again, if it is to be\n/ })
    t.match(await dry('--again'), { code: 0 })
    write('passed', Date.now() - 3_700_000)
    t.match(await dry(), { code: 0 })
    write('stopped', Date.now() - 600_000)
    t.match(await dry(), { code: 0 })
  })

  await t.test('a daemon of this host is down', async t => {
    const processor = pair.onA.daemons.get('processors/server-side')
    await processor?.stop()
    t.match(await a.vanadium(...pair.args, '--yes'), { code: 1, stdout: /- processor server-side is down\n/ })
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
    await until('b was not heard of for a while', async () => (await pair.server.query("SELECT 1 FROM vanadium_lease_members WHERE host = 'b' AND seen < UTC_TIMESTAMP() - INTERVAL 13 SECOND", pair.database)).length > 0, patienceMs)
    t.match(await a.vanadium(...pair.args, '--yes', '--again'), { code: 1, stdout: /- nobody stands by: b\/mysql was last heard of \d+ s ago\n/ })
    t.equal(await pair.holder(), 'a')
  })
})
