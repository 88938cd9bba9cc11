import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { needsMariadb } from '../helpers/mariadb.js'
import { needsNetwork, startNetwork } from '../helpers/network.js'
import { processesIn, type NetworkHost } from '../helpers/network-host.js'
import { projectRoot } from '../helpers/shared.js'
import { startTraffic } from '../helpers/traffic.js'
import { until } from '../helpers/wait.js'

const echoPort = 7000
const echoServer = `require('node:net').createServer(socket => socket.pipe(socket)).listen(${echoPort}, () => console.log('ready'))`
const echoClient = `const socket = require('node:net').connect(${echoPort}, process.argv[1], () => console.log('connected'))
  process.stdin.pipe(socket).pipe(process.stdout)
  for (const event of ['error', 'close']) socket.on(event, () => console.log(event))`

interface Connection {
  /** All that came back, and what became of the connection. */
  readonly lines: string[]
  say (text: string): void
  came (text: string): Promise<unknown>
  /** Resolves when the kernel of the client has sent something again that nobody has acknowledged, more than once. */
  unheard (): Promise<unknown>
}

/** To a server that sends back what it gets. */
async function connection (from: NetworkHost, to: NetworkHost): Promise<Connection> {
  const child = from.spawn(process.execPath, '-e', echoClient, to.address)
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', line => lines.push(line))
  const one = {
    lines,
    say (text: string) { child.stdin.write(`${text}\n`) },
    came: async (text: string) => await until(`${text} came back from ${to.name}`, () => lines.includes(text)),
    unheard: async () => await until(`${to.name} acknowledges nothing`, async () => {
      return / retrans:\d+\/([2-9]|\d\d)/.test((await from.run('ss', '-Htin', 'state', 'established', 'dst', `${to.address}:${echoPort}`)).stdout)
    })
  }
  await one.came('connected')
  return one
}

t.test('hosts on one machine', { skip: needsNetwork }, async t => {
  const network = await startNetwork(t, ['a', 'b', 'c'])
  const { a, b, c } = network.hosts
  for (const host of [a, b]) await once(createInterface({ input: host.spawn(process.execPath, '-e', echoServer).stdout }), 'line')

  t.test('have names, directories and ports of their own', async t => {
    t.same(await Promise.all([a, b].map(async host => (await host.run('hostname')).stdout)), ['a\n', 'b\n'])
    t.not(a.directory, b.directory)
    t.match(await a.run('sh', '-c', 'echo $HOME; exit 3'), { code: 3, stdout: `${a.directory}\n` })
  })

  t.test('reach each other, until one is cut off: then nobody hears anything, not even that', async t => {
    const [toA, toB] = [await connection(c, a), await connection(c, b)]
    const within = await connection(a, a)

    network.cut(a)
    toA.say('one')
    await toA.unheard()
    toB.say('two')
    within.say('three')

    await toB.came('two')
    await within.came('three')
    t.strictSame(toA.lines, ['connected'])
    network.heal(a)
    await toA.came('one')
    t.strictSame(toA.lines, ['connected', 'one'])
  })

  t.test('two are cut off from each other, and from nobody else', async t => {
    const [fromC, fromB] = [await connection(c, a), await connection(b, a)]

    network.cut(b, a)
    fromB.say('one')
    await fromB.unheard()
    fromC.say('two')

    await fromC.came('two')
    t.strictSame(fromB.lines, ['connected'])
    network.heal(b, a)
    await fromB.came('one')
  })

  t.test('stop where they are, and go on; the others do not', async t => {
    const [toA, toB] = [await connection(c, a), await connection(c, b)]

    await a.pause()
    toA.say('one')
    toB.say('two')

    await toB.came('two')
    const received = async (): Promise<boolean> => /^[1-9]/m.test((await a.run('ss', '-Htn', 'state', 'established', 'src', `${a.address}:${echoPort}`)).stdout)
    await until('the kernel of a has what its program does not take', received)
    t.strictSame(toA.lines, ['connected'])
    a.resume()
    await toA.came('one')
  })

  t.test('say what they have sent', async t => {
    const receiver = c.spawn(process.execPath, '-e', `for (const port of [8421, 8422]) {
      require('node:dgram').createSocket('udp4', message => console.log(String(message))).bind(port, () => console.log('ready'))
    }`)
    const lines: string[] = []
    createInterface({ input: receiver.stdout }).on('line', line => lines.push(line))
    await until('both ports are open', () => lines.length === 2)

    const traffic = startTraffic(a, { to: [c], perSecond: 200 })
    await until('some is sent', () => traffic.count > 50)
    const sent = await traffic.stop()

    await until('all has come', () => lines.length === sent.size + 2)
    t.equal(sent.size, traffic.count)
    t.strictSame(['server 1', 'client 2'].filter(event => ![...sent.values()].includes(event)), [])
    t.match(lines.find(line => line.includes('server-1"')), /^EventLogging \{/)
    t.ok([...sent.keys()].every(uuid => /^[0-9a-f]{32}$/.test(uuid)))
  })

  t.test('end, and their connections with them', async () => {
    const toA = await connection(c, a)

    await a.kill()

    await toA.came('close')
  })
})

t.test('a database is reached by all hosts, and by the test itself', { skip: needsNetwork !== false ? needsNetwork : needsMariadb }, async t => {
  const { db, other } = (await startNetwork(t, ['db', 'other'])).hosts
  const server = await db.mariadb()
  const database = await server.database()

  const asked = await other.run('mariadb', '--user=root', `--host=${db.address}`, `--port=${server.port}`, '--batch', '--skip-column-names', '-e', 'SELECT DATABASE()', database)

  t.match(asked, { code: 0, stdout: `${database}\n` })
  t.match(await server.query('SELECT 1 AS one'), [{ one: 1 }])
})

t.test('a test that is killed leaves no process', { skip: needsNetwork }, async t => {
  const script = `const { startNetwork } = await import(${JSON.stringify(join(projectRoot, 'dist/test/helpers/network.js'))})
    const { hosts } = await startNetwork({ teardown () {} }, ['a'])
    hosts.a.spawn('sleep', 'infinity')
    console.log((await hosts.a.run('readlink', '/proc/self/ns/net')).stdout)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { env: { ...process.env, TMPDIR: t.testdir() }, stdio: ['ignore', 'pipe', 'inherit'] })
  const [namespace] = await once(createInterface({ input: child.stdout }), 'line') as [string]
  // the one that holds it, and the one that was started
  await until('both run', () => processesIn(namespace).length === 2)

  child.kill('SIGKILL')

  await until('none runs', () => processesIn(namespace).length === 0)
})
