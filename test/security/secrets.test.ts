import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { SMTPServer } from 'smtp-server'
import t, { type Test } from 'tap'
import { openSigningKey } from '../../tools/purge/signing.js'
import { executable } from '../helpers/daemon.js'
import { keysIn } from '../helpers/keys.js'
import { needsMariadb, startMariadb } from '../helpers/mariadb.js'
import { freePort } from '../helpers/ports.js'
import { shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

/** Under it a secret would be found again. */
const passwords = {
  'of my.cnf': 'cAnArYmYcNf+7/x%2', 'of purge.cnf': 'cAnArYpUrGe+7/x', 'of backup.cnf': 'cAnArYbAcKuP"+7/x', 'of rsync': 'cAnArYrSyNc7/x', 'of the registry': 'cAnArYgRaPhItE7', 'of mail': 'cAnArYsMtP+7/x#',
  'in a URI': 'cAnArYuRi7', 'of a credential': 'cAnArYcReDeNtIaL7'
}

interface Host {
  readonly directory: string
  path (name: string): string
  /** Runs `vanadium <args>`, to its end, or to its end by SIGTERM after it has logged that. Everything it wrote is kept, and how it looked to `ps`. */
  run (args: readonly string[], options?: { readonly until?: RegExp, readonly stdin?: string, readonly credentials?: string, readonly isOwnFault?: boolean }): Promise<{ code: number | string, wrote: string }>
  /** All that was seen so far, by where. */
  readonly seen: Array<{ readonly where: string, readonly text: string }>
}

function newHost (t: Test): Host {
  const directory = shortDirectory(t)
  const seen: Host['seen'] = []
  mkdirSync(join(directory, 'state'))
  return {
    directory,
    path: name => join(directory, name),
    seen,
    async run (args, { until: enough, stdin = '', credentials, isOwnFault = false } = {}) {
      const env = credentials === undefined ? process.env : { ...process.env, CREDENTIALS_DIRECTORY: credentials }
      const child = spawn(process.execPath, [executable, ...args], { env })
      t.teardown(() => { child.kill('SIGKILL') })
      const ended = once(child, 'close')
      let wrote = ''
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => { wrote += text })
      child.stdin.on('error', () => {})
      child.stdin.end(stdin)
      const where = args.join(' ').replaceAll(directory, '')
      // what an operator wrote on a command line is there
      if (!isOwnFault) for (const file of ['cmdline', 'environ']) seen.push({ where: `${file} of ${where}`, text: readIfThere(`/proc/${child.pid}/${file}`) })
      if (enough !== undefined) {
        await until(`${where} says ${String(enough)}, not ${wrote}`, () => enough.test(wrote) || child.exitCode !== null, 60_000)
        for (const file of ['cmdline', 'environ']) seen.push({ where: `${file} of ${where}`, text: readIfThere(`/proc/${child.pid}/${file}`) })
        child.kill('SIGTERM')
      }
      const [code, signal] = await ended as [number | null, string | null]
      seen.push({ where: `output of ${where}`, text: wrote })
      return { code: code ?? String(signal), wrote }
    }
  }
}

t.test('no password and no key is in what processes write, in whatever way they fail, nor in what ps shows of them', { skip: needsMariadb }, async t => {
  const host = newHost(t)
  const { path, run, seen } = host
  const [server, statsd, mail] = await Promise.all([startMariadb(), listenUdp(t, seen), startMailServer(t)])
  t.teardown(server.stop)
  await server.query("CREATE USER el@localhost IDENTIFIED BY 'another'")
  const put = (name: string, text: string | Buffer, mode = 0o600): string => {
    writeFileSync(path(name), text, { mode })
    return path(name)
  }
  const client = (password: string): string => `[client]\nuser = el\npassword = '${password}'\nsocket = ${server.socket}\n`
  const myCnf = put('my.cnf', client(passwords['of my.cnf']))
  const purgeCnf = put('purge.cnf', client(passwords['of purge.cnf']))
  const smtpPassword = put('smtp-password', `${passwords['of mail']}\n`)
  const registry = put('registry.yaml', `operators: [ops@example.org]\nmail:\n  via: smtp://me@127.0.0.1:${mail}\n  password-file: ${smtpPassword}\ngraphite: http://me:${passwords['of the registry']}@127.0.0.1:${await freePort()}\nschemas: { A: { user: event.user } }\n`)
  const addressKey = put('address.key', Buffer.from('cAnArYaDdReSs7'.padEnd(64, 'x')))
  const optoutKey = put('optout.key', `${Buffer.from('cAnArYoPtOuT7'.padEnd(32, 'y')).toString('hex')}\n`)
  openSigningKey(path('purge.key'))
  const curve = keysIn(host.directory, 'stream')
  const curvePort = await freePort()
  const common = ['--state', path('state'), '--registry', registry, '--optout-key', optoutKey, '--log-level', 'debug']
  const statsdOptions = ['--statsd', `127.0.0.1:${statsd}`, '--interval', '0.2']
  const mysql = (file: string): string => `mysql:///log?defaults-file=${file}`
  put('events.log', '{"event":{},"schema":"A","revision":1,"uuid":"00000000000000000000000000000001"}\n', 0o644)
  const consume = (file: string, ...more: string[]): string[] => ['consumer', ...common, ...statsdOptions, '--input', `file://${path('events.log')}?follow=true`, '--output', mysql(file), ...more]

  await t.test('my.cnf: a refusing server, none at all, a file that others may read, a bad one', async t => {
    t.match(await run(consume(myCnf), { until: /Access denied/ }), { wrote: /Access denied for user/ })
    put('away.cnf', `[client]\npassword = '${passwords['of my.cnf']}'\nhost = 127.0.0.1\nport = ${await freePort()}\n`)
    t.match(await run(consume(path('away.cnf')), { until: /ECONNREFUSED/ }), { wrote: /ECONNREFUSED/ })
    put('open.cnf', client(passwords['of my.cnf']))
    chmodSync(path('open.cnf'), 0o644)
    t.match(await run(consume(path('open.cnf'), '--config-check')), { code: 78, wrote: /chmod 0640/ })
    put('bad.cnf', `[client]\npassword = '${passwords['of my.cnf']}'\nport = x\n`)
    t.match(await run(consume(path('bad.cnf'))), { code: 78, wrote: /is none; write a number/ })
    t.match(await run(['check', 'replication', '--read', mysql(myCnf)]), { code: /[23]/ })
    t.match(await run(['check', 'lease', '--read', mysql(myCnf), '--lease', 'events']), { code: /[23]/ })
    t.match(await run(['lease', '--read', mysql(myCnf), '--lease', 'events']), { code: /[12]/ })
  })

  await t.test('credentials of systemd: used, and not shown', async t => {
    mkdirSync(path('credentials'))
    await server.query(`CREATE USER given@localhost IDENTIFIED BY '${passwords['of a credential']}'`)
    await server.query('CREATE DATABASE log')
    await server.query('GRANT ALL ON log.* TO given@localhost')
    put('credentials/my.cnf', client(passwords['of a credential']).replace('user = el', 'user = given'), 0o400)

    t.match(await run(consume('/nowhere/my.cnf'), { until: /connected to the database/, credentials: path('credentials') }), { code: 0, wrote: /connected to the database/ })
    t.match(await run(consume('/nowhere/my.cnf')), { code: 78, wrote: /LoadCredential=my\.cnf/ })
  })

  await t.test('a URI: refused, with the password hidden', async t => {
    for (const scheme of ['opt-out:mysql://me:P@127.0.0.1/log', 'mysql://me:/#P@127.0.0.1/log']) {
      const uri = scheme.replace('P', passwords['in a URI'])
      const outcome = await run(['consumer', ...common, '--input', 'stdin://', '--output', uri], { isOwnFault: true })
      t.match(outcome, { code: 78, wrote: /password/ }, scheme)
    }
    put('uri.args', `--input stdin://\n--output mysql://me:${passwords['in a URI']}@127.0.0.1/log\n`)
    t.match(await run(['consumer', ...common, `@${path('uri.args')}`]), { code: 78, wrote: /argument file/ })
    t.match(await run(['check', 'graphite', 'x', '-w', '1', '--graphite', `http://me:${passwords['in a URI']}@127.0.0.1`], { isOwnFault: true }), { code: 3, wrote: /command line/ })
  })

  await t.test('the registry and mail: servers that refuse, a password file that others may read, mistakes', async t => {
    const notify = ['notify', '--registry', registry, '--type=PROBLEM', '--host=h', '--service=vanadium-rate', '--alert-state=CRITICAL', '--output=x']
    t.match(await run(notify), { code: 1, wrote: /was not taken/ })
    chmodSync(smtpPassword, 0o644)
    t.match(await run(notify), { code: 78, wrote: /mail\/password-file .*chmod 0640/ })
    chmodSync(smtpPassword, 0o600)
    t.match(await run(['check', 'graphite', 'x', '-w', '1', '--registry', registry]), { code: 3 })
    t.match(await run(['registry', 'show', 'A', '--registry', registry, '--state', path('state')]), { code: 0 })
    chmodSync(registry, 0o644)
    t.match(await run(['processor', ...common, '--format', '%j', '--input', 'stdin://', '--output', 'stdout://']), { code: 78, wrote: /graphite has a password/ })
    chmodSync(registry, 0o600)
  })

  await t.test('the keys: of addresses, of those who opted out, of purges', async t => {
    const processor = ['processor', ...common, ...statsdOptions, '--address-key', addressKey, '--format', '%q %h', '--input', 'stdin://', '--output', 'stdout://', '--invalid', `file://${path('invalid.log')}`]
    t.match(await run(processor, { stdin: '?%7B%22schema%22%3A%22A%22%2C%22revision%22%3A1%2C%22event%22%3A%7B%7D%7D; 192.0.2.1\n?x 192.0.2.2\n' }), { code: 0 })
    put('short.key', Buffer.from('cAnArYaDdReSs7'))
    t.match(await run(processor.map(arg => arg === addressKey ? path('short.key') : arg), { stdin: '?x 192.0.2.1\n' }), { code: 78, wrote: /has 14 bytes/ })

    const list = ['--state', path('state'), '--registry', registry, '--optout-key']
    t.match(await run(['optout', 'add', ...list, optoutKey, '--stdin'], { stdin: 'somebody\n' }), { code: 0 })
    put('no.key', 'cAnArYoPtOuT7 is no key\n')
    t.match(await run(['optout', 'ls', ...list, path('no.key')]), { code: 78, wrote: /is no key/ })
    chmodSync(optoutKey, 0o644)
    t.match(await run(['optout', 'ls', ...list, optoutKey]), { code: 78, wrote: /chmod 0640/ })

    const purge = ['purge', '--state', path('state'), '--registry', registry, '--store', mysql(purgeCnf), '--key', path('purge.key')]
    t.match(await run(purge), { code: 1, wrote: /Access denied/ })
    chmodSync(path('purge.key'), 0o644)
    t.match(await run(purge), { code: 78, wrote: /--key .*chmod 0640/ })
  })

  await t.test('the keys of a stream: used, exposed, and given in the wrong place', async t => {
    writeFileSync(path('clients'), '')
    const publish = (more: string): string[] => ['forwarder', ...common, '--name', 'curve', '--input', `file://${path('events.log')}?follow=true`, '--output', `tcp://127.0.0.1:${curvePort}?curve=${curve.secretFile}&clients=${more}`]
    t.match(await run(publish(path('clients')), { until: /"ready"/ }), { code: 0 })
    t.match(await run(publish(curve.secretFile)), { code: 78, wrote: /secret key in line 1/ })
    chmodSync(curve.secretFile, 0o644)
    t.match(await run(publish(path('clients'))), { code: 78, wrote: /curve .*chmod 0640/ })
  })

  await t.test('backups: an account that is refused, one that is let in, a password for rsync', async t => {
    const backupCnf = put('backup.cnf', client(passwords['of backup.cnf']))
    const rsyncPassword = put('rsync-password', `${passwords['of rsync']}\n`)
    const configure = (...destinations: unknown[]): string => put('backup.json', JSON.stringify({ tables: mysql(backupCnf), to: path('backup'), destinations }))
    configure(path('copies'))
    mkdirSync(path('copies'))
    const backup = ['backup', 'run', ...common, '--config', path('backup.json')]
    t.match(await run(backup), { code: 1, wrote: /Access denied for user/ })
    put('backup.cnf', client(passwords['of backup.cnf']).replace('user = el', 'user = saver'))
    await server.query(`CREATE USER saver@localhost IDENTIFIED BY '${passwords['of backup.cnf']}'`)
    await server.query('GRANT SELECT ON log.* TO saver@localhost')
    await server.query('CREATE TABLE log.Saved (a INT)')
    await server.query('INSERT INTO log.Saved VALUES (1)')
    configure(path('copies'), { rsync: `rsync://me@127.0.0.1:${await freePort()}/x`, 'password-file': rsyncPassword })
    t.match(await run(backup), { code: 1, wrote: /dumps made.*NOT SENT: it could not be asked/s })
    t.ok(readdirSync(path('copies/tables/log/Saved')).includes('undated.sql.gz'))
    chmodSync(backupCnf, 0o644)
    t.match(await run(backup), { code: 1, wrote: /backup\.cnf has mode 0644/ })
    chmodSync(backupCnf, 0o600)
  })

  await t.test('a bug, with its stack', async t => {
    mkdirSync(path('plugins'))
    put('plugins/crash.mjs', "export default function (vanadium) { vanadium.fn('crash', ({ text }) => { setImmediate(() => { throw new Error('a bug') }); return text }) }", 0o644)
    const crashing = consume(myCnf, '--name', 'crash', '--plugins', path('plugins')).map(arg => arg.startsWith('mysql:') ? `map:${arg}&function=crash` : arg)
    t.match(await run(crashing), { code: 70, wrote: /bug: an error that nobody caught.*at .*crash\.mjs/ })
  })

  await t.test('then nothing that was written has any of them', t => {
    const secrets = Object.entries({ ...passwords, 'of addresses': 'cAnArYaDdReSs7', 'of those who opted out': 'cAnArYoPtOuT7', 'of a stream': readFileSync(curve.secretFile, 'utf8').trim().split(' ')[1] ?? '', 'of purges': readFileSync(path('purge.key'), 'utf8').split('\n')[1]?.slice(16, 48) ?? '' })
    const own = ['my.cnf', 'purge.cnf', 'backup.cnf', 'rsync-password', 'away.cnf', 'open.cnf', 'bad.cnf', 'smtp-password', 'registry.yaml', 'address.key', 'short.key', 'optout.key', 'no.key', 'purge.key', 'stream.secret', 'uri.args', 'credentials/my.cnf'].map(path)
    const files = filesBelow(host.directory).filter(file => !own.includes(file))
    const all = [...seen, ...files.map(file => ({ where: file.replace(host.directory, ''), text: readFileSync(file, 'latin1') }))]

    t.ok(secrets.every(([, secret]) => secret.length >= 10))
    t.ok(seen.length > 50 && all.some(({ where }) => where === 'statsd') && files.some(file => file.endsWith('.sqlite')))
    for (const [what, secret] of secrets) t.strictSame(all.filter(({ text }) => formsOf(secret).some(form => text.includes(form))).map(({ where }) => where), [], what)
    // a search that finds nothing anywhere would say the same
    t.ok(own.every(file => secrets.some(([, secret]) => formsOf(secret).some(form => readFileSync(file, 'latin1').includes(form)))), 'the files that have them do')
    t.end()
  })
})

/** As it may be written: plain, in JSON, percent-encoded, in base64 at each place in a group of three, in hexadecimal digits. */
function formsOf (secret: string): string[] {
  const base64 = [0, 1, 2].map(before => Buffer.from('_'.repeat(before) + secret).toString('base64').slice(before === 0 ? 0 : 4, -4))
  return [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret), ...base64, Buffer.from(secret).toString('hex')]
}

function filesBelow (directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).map(name => join(directory, name)).filter(file => statSync(file).isFile())
}

function readIfThere (file: string): string {
  return existsSync(file) ? readFileSync(file, 'latin1') : ''
}

/** Port of a StatsD whose datagrams are kept. */
async function listenUdp (t: Test, seen: Host['seen']): Promise<number> {
  const socket = createSocket('udp4').on('message', bytes => { seen.push({ where: 'statsd', text: bytes.toString('latin1') }) })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.teardown(() => { socket.close() })
  return socket.address().port
}

/** Port of a mail server that asks for a password and takes none. */
async function startMailServer (t: Test): Promise<number> {
  const server = new SMTPServer({ allowInsecureAuth: true, disabledCommands: ['STARTTLS'], disableReverseLookup: true, onAuth: (_auth, _session, callback) => { callback(new Error('no such user')) } })
  server.on('error', () => {})
  const listening = server.listen(0, '127.0.0.1')
  await once(listening, 'listening')
  t.teardown(async () => { await new Promise<void>(resolve => { server.close(() => { resolve() }) }) })
  return (listening.address() as AddressInfo).port
}
