import mysql from 'mysql2/promise'
import t from 'tap'
import { lastReport, needsNft, startDrillPair } from '../../helpers/drill.js'
import { needsMariadb } from '../../helpers/mariadb.js'
import { needsNetwork } from '../../helpers/network.js'
import { until } from '../../helpers/wait.js'

const patienceMs = 60_000

t.test('a drill that does not come to its end puts back what it has disturbed', { skip: needsNetwork !== false ? needsNetwork : needsNft !== false ? needsNft : needsMariadb }, async t => {
  const pair = await startDrillPair(t)
  const { a } = pair.network.hosts
  const drill = (...args: string[]): ReturnType<typeof a.daemon> => {
    const started = a.daemon(...pair.args, '--yes', '--again', '--no-mail', ...args)
    let printed = ''
    started.child.stdout.on('data', (chunk: Buffer) => { printed += chunk.toString() })
    t.teardown(() => { if (!t.passing()) t.comment(`${printed}${JSON.stringify(started.log, null, 1)}`) })
    return started
  }
  const cutOff = async (): Promise<boolean> => (await a.run('nft', 'list', 'tables')).stdout.includes('vanadium_drill')
  const seenAfter = async (time: string): Promise<boolean> => (await pair.server.query(`SELECT 1 FROM vanadium_lease_members WHERE host = 'a' AND seen > '${time}'`, pair.database)).length > 0
  const now = async (): Promise<string> => String((await pair.server.query('SELECT CAST(UTC_TIMESTAMP(6) AS CHAR) AS now'))[0]?.['now'])
  // whoever takes over has to change what this reads: nobody does, and the drill waits in its middle
  const blocker = await mysql.createConnection({ socketPath: pair.server.socket, user: 'root', database: pair.database })
  t.teardown(async () => { await blocker.end() })
  const block = async (): Promise<void> => {
    await blocker.query('START TRANSACTION')
    await blocker.query('SELECT * FROM vanadium_fences LOCK IN SHARE MODE')
  }
  const back = async (): Promise<void> => {
    await blocker.query('COMMIT')
    const after = await now()
    await until('a is a member again', async () => await seenAfter(after), patienceMs)
    await aWrites()
  }
  /** Makes `a` the writer, if it is not: on a machine that stood still for some seconds the lease may have moved. */
  const aWrites = async (): Promise<void> => {
    await until('a writes', async () => {
      await pair.server.query("UPDATE vanadium_leases JOIN vanadium_lease_members AS member ON member.name = vanadium_leases.name AND member.host = 'a' SET wanted_by = member.member WHERE wanted_by = '' AND holder <> member.member", pair.database)
      return await pair.holder() === 'a'
    }, patienceMs)
  }

  await t.test('after Ctrl-C while the writer is down', async t => {
    await aWrites()
    await block()
    const stopped = drill('--how', 'stop')
    await until('the writer is down', () => pair.consumers() === '', patienceMs)

    stopped.child.kill('SIGINT')

    t.equal(await stopped.ended, 1)
    await until('the writer runs', () => /^[SR]$/.test(pair.consumers()), patienceMs)
    t.match(lastReport(pair), { outcome: 'stopped', isRestored: true, failures: ['stopped before the end'], how: 'stop' })
    await back()
  })

  await t.test('after Ctrl-C while the lease is asked back', async t => {
    await aWrites()
    const stopped = drill('--how', 'stop')
    await until('b has the lease', async () => await pair.holder() === 'b', patienceMs)
    await block()
    await until('b has let go of it', async () => (await pair.server.query("SELECT 1 FROM vanadium_leases WHERE holder = ''", pair.database)).length > 0, patienceMs)

    stopped.child.kill('SIGINT')

    t.equal(await stopped.ended, 1)
    t.match(lastReport(pair), { outcome: 'stopped', isRestored: true, failures: ['stopped before the end'], takeOver: { to: 'b/mysql' }, switchBack: null })
    t.match(pair.consumers(), /^[SR]$/)
    t.strictSame(await pair.server.query("SELECT 1 FROM vanadium_leases WHERE wanted_by <> ''", pair.database), [], 'the wish is taken back')
    await back()
  })

  await t.test('after SIGKILL while the host is cut off', async () => {
    await aWrites()
    await block()
    const killed = drill('--how', 'cut')
    await until('packets are dropped', cutOff, patienceMs)

    killed.child.kill('SIGKILL')

    await until('no packets are dropped', async () => !await cutOff(), patienceMs)
    await back()
  })

  await t.test('after SIGKILL while the writer is frozen', async () => {
    await aWrites()
    await block()
    const killed = drill('--how', 'freeze')
    await until('the writer is frozen', () => pair.consumers() === 'T', patienceMs)

    killed.child.kill('SIGKILL')

    await until('the writer goes on', () => /^[SR]$/.test(pair.consumers()), patienceMs)
    await back()
  })

  await t.test('when the database cannot be watched any more', async t => {
    await block()
    const blind = drill('--how', 'freeze')
    await until('the writer is frozen', () => pair.consumers() === 'T', patienceMs)

    const [row] = await until('its connection is seen at a look', async () => {
      const rows = await pair.server.query("SELECT ID FROM information_schema.PROCESSLIST WHERE HOST LIKE '10.77.1.2:%' AND INFO LIKE '%event_front%'", pair.database)
      return rows.length > 0 ? rows : null
    }, patienceMs)
    await pair.server.query(`KILL ${String(row?.['ID'])}`)

    t.equal(await blind.ended, 1)
    await until('the writer goes on', () => /^[SR]$/.test(pair.consumers()), patienceMs)
    t.match(lastReport(pair), { outcome: 'stopped', isRestored: true, failures: [/^the database cannot be watched any more/] })
  })
})
