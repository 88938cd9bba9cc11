import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { cutCommands } from '../../../tools/drill/cut.js'
import { hold } from '../../../tools/drill/hold.js'
import { commandsOf } from '../../../tools/drill/ways.js'
import { needsNft } from '../../helpers/drill.js'
import { needsNetwork, startNetwork } from '../../helpers/network.js'
import { until } from '../../helpers/wait.js'

t.test('what is held is put back when it is let go of, once', async t => {
  const [file, log] = [join(t.testdir(), 'done'), join(t.testdir(), 'log')]
  const held = hold({ disturb: `echo one >> ${file}; echo said`, restore: `echo two >> ${file}` }, 60, log)

  await held.disturbed
  t.equal(readFileSync(file, 'utf8'), 'one\n')
  await held.release()

  t.equal(readFileSync(file, 'utf8'), 'one\ntwo\n')
  t.equal(readFileSync(log, 'utf8'), 'said\n')
})

t.test('it is put back when the time is over', async t => {
  const file = join(t.testdir(), 'done')
  const held = hold({ disturb: 'true', restore: `touch ${file}` }, 1, join(t.testdir(), 'log'))

  await until('it is put back', () => existsSync(file))
  await held.release()
})

t.test('it is tried three times to put it back, and then told', async t => {
  const file = join(t.testdir(), 'tries')
  const log = join(t.testdir(), 'log')
  const held = hold({ disturb: 'true', restore: `echo x >> ${file}; test $(wc -l < ${file}) = 3` }, 60, log)
  await held.disturbed
  await held.release()
  t.equal(readFileSync(file, 'utf8'), 'x\nx\nx\n')

  const never = hold({ disturb: 'true', restore: 'false' }, 60, log)
  await never.disturbed
  await t.rejects(never.release(), { code: 'cannot-write', message: `it could not be put back, in three attempts: false; what that printed is in ${log}` })
})

t.test('when the process that holds it is killed, the drill itself puts it back, and says so if it cannot', async t => {
  const [file, log] = [join(t.testdir(), 'done'), join(t.testdir(), 'log')]
  // the parent of the command is what limits its time, whose parent is the process that holds
  const killHolder = 'kill -KILL $(cut -d " " -f 4 /proc/$PPID/stat)'
  const held = hold({ disturb: `${killHolder}; sleep 0.2`, restore: `echo x >> ${file}` }, 60, log)
  await held.release()
  t.equal(readFileSync(file, 'utf8'), 'x\n')

  const never = hold({ disturb: killHolder, restore: 'false' }, 60, log)
  await t.rejects(never.release(), { code: 'cannot-write', message: `it could not be put back, and what was to do it was killed: false; what that printed is in ${log}` })
})

t.test('it is done, and put back, though the log cannot be written to', async t => {
  const file = join(t.testdir(), 'done')
  const held = hold({ disturb: `echo one >> ${file}`, restore: `echo two >> ${file}` }, 60, '/nonexistent/log')
  await held.disturbed
  await held.release()

  t.equal(readFileSync(file, 'utf8'), 'one\ntwo\n')
})

t.test('what could not be done is told, and put back', async t => {
  const file = join(t.testdir(), 'done')
  const held = hold({ disturb: 'echo no; exit 3', restore: `touch ${file}` }, 60, join(t.testdir(), 'log'))

  await t.rejects(held.disturbed, { message: /^the command ended with 3: echo no; exit 3; what it printed is in / })
  await held.release()

  t.ok(existsSync(file))
})

t.test('commands that stop and start are given both, or none', async t => {
  t.throws(() => commandsOf('stop', 'x', undefined), { code: 'bad-option', message: /^--stop-command is given alone/ })
  t.throws(() => commandsOf('kill', undefined, 'x'), { code: 'bad-option', message: /^--start-command is given alone/ })
  t.strictSame(commandsOf('kill', 'x', 'y'), { stop: 'x', start: 'y' })
  t.equal(commandsOf('cut', undefined, undefined), null)
})

t.test('packets that are dropped: those of one port both ways, but not those of the own connection, and not for longer than was said', { skip: needsNetwork !== false ? needsNetwork : needsNft }, async t => {
  const { a, b } = (await startNetwork(t, ['a', 'b'])).hosts
  const listen = "for (const port of [7000, 7001]) require('node:net').createServer(socket => socket.pipe(socket)).listen(port, () => console.log('ready'))"
  let ready = ''
  b.spawn(process.execPath, '-e', listen).stdout.on('data', (chunk: Buffer) => { ready += chunk.toString() })
  await until('both ports are open', () => ready === 'ready\nready\n')
  const reaches = async (port: number, from = 0): Promise<boolean> => (await a.run(process.execPath, '-e',
    `require('node:net').connect({ host: '${b.address}', port: ${port}, localPort: ${from} }).on('connect', () => process.exit(0)).on('error', () => process.exit(1)); setTimeout(() => process.exit(2), 1000)`)).code === 0
  t.ok(await reaches(7000))
  const { disturb, restore } = cutCommands({ addresses: [b.address, 'fd00::1'], port: 7000, ownPort: 5555, mostSeconds: 20 })

  await a.run('sh', '-c', disturb)

  t.strictSame([await reaches(7000), await reaches(7001), await reaches(7000, 5555)], [false, true, true])
  await until('the time is over', async () => await reaches(7000), 60_000)
  t.match((await a.run('nft', 'list', 'tables')).stdout, 'table inet vanadium_drill')
  t.equal((await a.run('sh', '-c', disturb)).code, 0, 'again, though there is a table')
  t.notOk(await reaches(7000))
  for (const what of ['put back', 'again, though there is none']) t.equal((await a.run('sh', '-c', restore)).code, 0, what)
  t.ok(await reaches(7000))
  t.equal((await a.run('nft', 'list', 'ruleset')).stdout, '')
})
