import { execFile } from 'node:child_process'
import t from 'tap'
import { executable, startReady } from '../helpers/daemon.js'
import { runCheck, type CheckOutput } from '../helpers/check-command.js'
import { needsMariadb, startMariadb } from '../helpers/mariadb.js'
import { numberedSchemas } from '../helpers/numbered-events.js'
import { isPlugInOutput } from '../helpers/plug-in-output.js'
import { freePort } from '../helpers/ports.js'
import { until } from '../helpers/wait.js'

interface Shown {
  readonly code: number
  readonly text: string
  readonly stderr: string
}

async function show (...args: string[]): Promise<Shown> {
  return await new Promise(resolve => {
    execFile(process.execPath, [executable, 'lease', ...args], (error, stdout, stderr) => { resolve({ code: error === null ? 0 : Number(error.code), text: stdout, stderr }) })
  })
}

t.test('who has a lease', { skip: needsMariadb }, async t => {
  const server = await startMariadb()
  t.teardown(server.stop)
  const database = await server.database()
  const uri = `mysql://root@127.0.0.1:${server.port}/${database}`
  const read = ['--read', uri, '--lease', 'events']
  const check = async (...args: string[]): Promise<CheckOutput> => {
    const output = await runCheck('lease', ...read, ...args)
    isPlugInOutput(t, output)
    return output
  }

  await t.test('is nobody before there was a consumer', async t => {
    t.match(await show(...read), { code: 2, text: 'nobody ever had the lease events in this database\n', stderr: '' })
    t.match(await check(), { code: 2, line: /^CRITICAL: nobody ever had the lease events/ })
  })

  const consumer = await startReady(t, 'consumer', '--name', 'mysql', '--schemas', numberedSchemas(t), '--input', 'stdin://', '--output', `${uri}?lease=events&lease-seconds=60`)
  await consumer.logged('has the lease: this instance writes')
  await until('it is a member', async () => (await server.query('SELECT 1 FROM vanadium_lease_members', database)).length > 0)

  await t.test('is a consumer that is alone, which is a warning', async t => {
    t.match(await show(...read), { code: 0, text: /^lease events: \S+\/mysql writes since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ, for \d+ s more unless it is renewed \(token 1\)\nmember +role +seen +behind +version\n\S+\/mysql +writes +\d+ s ago +0 s +\S+\n$/ })
    const output = await check()
    t.match(output, { code: 1, line: /mysql writes, and nobody stands by$/ })
    t.strictSame([...output.figures], [['members', '1'], ['holder_behind', '0s']])
  })

  async function standby (lag: number, seenSecondsAgo: number): Promise<void> {
    await server.query(`REPLACE INTO vanadium_lease_members VALUES ('events', 'db2/mysql/0', 'db2', 'mysql', UTC_TIMESTAMP(6) - INTERVAL ${seenSecondsAgo} SECOND, ${lag}, 0, NULL, '1.2.3')`, database)
  }

  await t.test('and who stands by', async t => {
    await standby(3, 1)

    t.match(await show(...read), { code: 0, text: /\ndb2\/mysql +stands by +\d+ s ago +3 s +1\.2\.3\n/ })
    const json = JSON.parse((await show(...read, '--json')).text) as { holder: string, members: Array<{ member: string }> }
    t.match(json, { token: 1, seconds: 60, wantedBy: '', members: [{ member: 'db2/mysql/0', lagSeconds: 3 }, { member: json.holder }] })
    const output = await check()
    t.match(output, { code: 0, line: /mysql writes; db2\/mysql stands by, 3 s behind$/ })
    t.strictSame([...output.figures], [['members', '2'], ['standby_behind', '3s'], ['holder_behind', '0s']])
  })

  await t.test('who stands by and is far behind is worth a warning, or an alarm', async t => {
    await standby(300, 1)
    t.match(await check(), { code: 1, line: /db2\/mysql stands by, 5 min behind$/ })
    t.match(await check('-c', '200'), { code: 2 })
  })

  await t.test('who was not heard of for a while stands by no more', async t => {
    await standby(3, 200)
    t.match(await check('-v'), { code: 1, line: /nobody stands by$/, details: [/^db2\/mysql: gone, seen 3 min ago/, /: writes, seen /] })
  })

  await t.test('is nobody when the one that had it is stopped', async t => {
    t.equal(await consumer.stop(), 0)
    await standby(3, 1)
    await server.query("UPDATE vanadium_leases SET wanted_by = 'db2/mysql/0'", database)

    t.match(await show(...read), { code: 2, text: /^lease events: nobody writes\ndb2\/mysql asks for it/ })
    t.match(await check(), { code: 2, line: 'CRITICAL: nobody writes: the lease events is free, and 2 could take it' })
  })

  await t.test('is seen by an account that may read these tables, and no other', async t => {
    await server.query("CREATE USER looks@'127.0.0.1', blind@'127.0.0.1'")
    for (const table of ['vanadium_leases', 'vanadium_lease_members']) await server.query(`GRANT SELECT ON ${database}.${table} TO looks@'127.0.0.1'`)
    await server.query(`GRANT CREATE ON ${database}.* TO blind@'127.0.0.1'`)

    t.match(await runCheck('lease', '--read', uri.replace('root', 'looks'), '--lease', 'events'), { code: 2, line: /nobody writes/ })
    t.match(await runCheck('lease', '--read', uri.replace('root', 'blind'), '--lease', 'events'), { code: 3, line: /denied/ })
  })

  await t.test('is not known when the database is away, which is an alarm', async t => {
    const away = ['--read', `mysql://root@127.0.0.1:${await freePort()}/log`, '--lease', 'events']
    t.match(await runCheck('lease', ...away), { code: 2, line: /^CRITICAL: the database does not answer: / })
  })
})

t.test('what is asked for must be a lease, in a database that has such', async t => {
  t.match(await show('--read', 'sqlite:///tmp/x', '--lease', 'events'), { code: 78, stderr: /--read \\"sqlite:\/\/\/tmp\/x\\" is no database that can be read; give mysql:\/\/user@host/ })
  t.match(await show('--read', 'mysql:///log', '--lease', 'a b'), { code: 78, stderr: /--lease \\"a b\\" is no name of a lease; give 1 to 64 of A-Z a-z 0-9 _ \. -/ })
})
