import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { createRemoteSchemas } from '../../lib/event/schema-remote.js'
import { openSchemas } from '../../lib/event/schema-repository.js'
import { isRefused } from '../../lib/event/schemas.js'
import { testContext } from '../helpers/context.js'
import { capsuleOf } from '../helpers/schemas.js'
import { until } from '../helpers/wait.js'

interface Remote {
  readonly template: string
  /** Paths that were asked for. */
  readonly requests: string[]
  stop (): Promise<void>
}

const good = JSON.stringify({ properties: { a: { type: 'integer', required: true } } })

/** A schema repository over HTTP. Without an answer of its own it has `Known/<any revision>` and nothing else. */
async function startRemote (t: Test, answer: RequestListener = (request, response) => {
  if (request.url?.startsWith('/schemas/Known/') === true) response.end(good)
  else response.writeHead(404).end('{"properties": {}}')
}): Promise<Remote> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(request.url ?? '')
    answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stop = async (): Promise<void> => {
    server.closeAllConnections()
    if (server.listening) await new Promise(resolve => { server.close(resolve) })
  }
  t.teardown(stop)
  return { template: `http://127.0.0.1:${(server.address() as AddressInfo).port}/schemas/{name}/{revision}?n={name}`, requests, stop }
}

t.test('a schema that no directory has is fetched once, used, and kept for the next start', async t => {
  const { template, requests, stop } = await startRemote(t)
  const options = { directories: [t.testdir({ own: { Known: { '2.json': good } } }) + '/own'], remote: { template, cacheDir: join(t.testdirName, 'state', 'schemas') }, log: testContext().log }
  const repository = await openSchemas(options)

  t.equal(repository.find('Known', 1), undefined)
  t.equal(repository.canFetch('Known', 1), true)
  const [schema, ...others] = await Promise.all(Array.from({ length: 5 }, async () => await repository.fetch('Known', 1)))

  t.ok(schema !== undefined && !isRefused(schema) && schema.validate(capsuleOf('Known', { a: 1 })) === null && schema.validate(capsuleOf('Known', {}))?.pointer === '/event/a')
  t.ok(others.every(other => other === schema))
  t.equal(repository.find('Known', 1), schema)
  t.equal(repository.canFetch('Known', 1), false, 'it is here now')
  t.equal(repository.canFetch('Known', 2), false, 'a directory has it')
  t.equal(await repository.fetch('Known', 2), repository.find('Known', 2))
  t.strictSame(requests, ['/schemas/Known/1?n=Known'])
  t.equal(readFileSync(join(options.remote.cacheDir, 'Known/1.json'), 'utf8'), good)

  await stop()
  await repository.reload()
  t.ok(repository.find('Known', 1), 'after reading again')
  t.ok((await openSchemas(options)).find('Known', 1), 'after a restart')
})

t.test('that a schema is not there is remembered for a while', async t => {
  const { template, requests } = await startRemote(t)
  const repository = await openSchemas({ directories: [], remote: { template, cacheDir: t.testdir(), negativeTtlMs: 100 }, log: testContext().log })

  t.equal(await repository.fetch('Nobody', 1), undefined)
  t.equal(repository.canFetch('Nobody', 1), false)
  t.equal(await repository.fetch('Nobody', 1), undefined)
  t.equal(repository.canFetch('Nobody', 2), true, 'another revision may be')
  t.equal(requests.length, 1)

  await until('it is forgotten', () => repository.canFetch('Nobody', 1))
  t.equal(await repository.fetch('Nobody', 1), undefined)
  t.equal(requests.length, 2)
})

t.test('whatever a remote repository does, a lookup only finds nothing', async t => {
  const answers: Record<string, RequestListener> = {
    Status: (_request, response) => { response.writeHead(500).end(good) },
    Redirect: (_request, response) => { response.writeHead(302, { location: '/schemas/Known/1' }).end() },
    Html: (_request, response) => { response.end('<html><body>Sign in</body></html>') },
    Nothing: (_request, response) => { response.end() },
    Json: (_request, response) => { response.end('{"error": {"code": "missingtitle"}}') },
    List: (_request, response) => { response.end('[]') },
    Large: (_request, response) => { response.end(`{"properties": {}, "description": "${'x'.repeat(300_000)}"}`) },
    Endless: (_request, response) => {
      const more = (): void => { while (response.write('x'.repeat(65_536))) continue }
      response.on('drain', more)
      more()
    },
    Slow: (_request, response) => { response.write('{"properties":') },
    Silent: () => {},
    Reset: request => { request.socket.resetAndDestroy() }
  }
  const { template, requests } = await startRemote(t, (request, response) => { answers[request.url?.split('/')[2] ?? '']?.(request, response) })
  const ctx = testContext()
  const cacheDir = t.testdir()
  const repository = await openSchemas({ directories: [], remote: { template, cacheDir, timeoutMs: 500, lookupsPerSecond: 100 }, log: ctx.log })

  for (const name of Object.keys(answers)) {
    t.equal(await repository.fetch(name, 1), undefined, name)
    t.equal(repository.canFetch(name, 1), false, `${name} is remembered`)
    t.notOk(existsSync(join(cacheDir, name)), `${name} is not kept`)
  }
  t.equal(requests.length, Object.keys(answers).length, 'the redirect was not followed')
  const reasons = ctx.logged().filter(({ level }) => level === 'warn').map(({ url, reason, message }) => `${String(url).replace(/.*\/schemas\/(\w+)\/.*/, '$1')}: ${String(reason ?? message)}`)
  t.match(reasons, [/^Status: status 500/, /^Redirect: .*redirect/, /^Html: .*no schema/, /^Nothing: .*no schema/, /^Json: .*no schema/, /^List: .*no schema/, /^Large: .*more than 262144 bytes/, /^Endless: .*more than 262144 bytes/, /^Slow: .*timeout/, /^Silent: .*timeout/, /^Reset: /])
})

t.test('a repository that cannot be reached is asked again later', async t => {
  const { template, stop } = await startRemote(t)
  await stop()
  const ctx = testContext()
  const repository = await openSchemas({ directories: [], remote: { template, cacheDir: t.testdir(), negativeTtlMs: 100 }, log: ctx.log })

  t.equal(await repository.fetch('Known', 1), undefined)
  t.match(ctx.logged().at(-1), { level: 'warn', message: 'the remote schema repository cannot be read', reason: /ECONNREFUSED/ })
  await until('it may be asked again', () => repository.canFetch('Known', 1))
})

t.test('a fetched schema that cannot be used is refused with its reason', async t => {
  const { template, requests } = await startRemote(t, (_request, response) => { response.end('{"properties": {"a": {"pattern": "(?=x)"}}}') })
  const ctx = testContext()
  const cacheDir = t.testdir()
  const repository = await openSchemas({ directories: [], remote: { template, cacheDir }, log: ctx.log })

  const schema = await repository.fetch('Bad', 1)

  t.ok(schema !== undefined && isRefused(schema))
  t.match(schema, { name: 'Bad', revision: 1, source: template.replaceAll('{name}', 'Bad').replace('{revision}', '1'), reason: /linear time/ })
  t.equal(repository.find('Bad', 1), schema)
  t.match(ctx.logged().at(-1), { level: 'warn', message: 'schema refused; its events are invalid', schema: 'Bad' })
  t.notOk(existsSync(join(cacheDir, 'Bad')))
  t.equal(requests.length, 1)
})

t.test('lookups above the rate are not made', async t => {
  const { template, requests } = await startRemote(t)
  const ctx = testContext()
  const repository = await openSchemas({ directories: [], remote: { template, cacheDir: t.testdir(), lookupsPerSecond: 2 }, log: ctx.log })
  const names = Array.from({ length: 100 }, (_, i) => `Nobody${i}`)

  await Promise.all(names.map(async name => await repository.fetch(name, 1)))

  t.equal(requests.length, 2)
  t.match(ctx.logged().at(-1), { level: 'warn', message: 'schemas are looked up faster than allowed; some lookups are not made', lookups_per_second: 2 })
  t.equal(repository.canFetch('Known', 1), false)
  await until('there is a lookup left', () => repository.canFetch('Known', 1))
  t.ok(await repository.fetch('Known', 1), 'what was not looked up is not remembered as absent')
})

t.test('only what can be the name of a schema is asked for', async t => {
  const { template, requests } = await startRemote(t, (_request, response) => { response.end(good) })
  const cacheDir = t.testdir()
  const repository = await openSchemas({ directories: [], remote: { template, cacheDir }, log: testContext().log })
  const bad: Array<[string, number]> = [
    ['../../etc/passwd', 1], ['a/../b', 1], ['.hidden', 1], ['a/.git', 1], ['/a', 1], ['a/', 1], ['a//b', 1], ['', 1], ['a b', 1], ['a?b', 1], ['a%2fb', 1], ['ä', 1], ['x'.repeat(64), 1],
    ['a', 0], ['a', -1], ['a', 1.5], ['a', NaN], ['a', Infinity], ['a', 2 ** 53]
  ]

  for (const [name, revision] of bad) {
    t.equal(repository.canFetch(name, revision), false, `${name}/${revision}`)
    t.equal(await repository.fetch(name, revision), undefined)
  }
  t.ok(await repository.fetch('some/deep-er/Name.x', 7))
  t.strictSame(requests, ['/schemas/some/deep-er/Name.x/7?n=some/deep-er/Name.x'])
  t.ok(existsSync(join(cacheDir, 'some/deep-er/Name.x/7.json')))
})

t.test('without a place to keep what was fetched it is fetched after every start', async t => {
  const { template } = await startRemote(t)
  const ctx = testContext()
  const cacheDir = join(t.testdir({ file: '' }), 'file')
  writeFileSync(cacheDir, 'not a directory')

  await t.rejects(openSchemas({ directories: [], remote: { template, cacheDir }, log: ctx.log }), { name: 'ConfigError', code: 'bad-option' })
  const remote = createRemoteSchemas({ template, cacheDir }, () => 0, ctx.log)
  t.ok(await remote.fetch('Known', 1))
  await remote.keep('Known', 1, good)
  t.match(ctx.logged().at(-1), { level: 'warn', message: 'a fetched schema cannot be kept on disk; it is fetched again after a restart', path: join(cacheDir, 'Known/1.json') })
})

t.test('the internet cannot name the capsule', async t => {
  const open = JSON.stringify({ properties: { event: {} }, additionalProperties: true })
  const { template } = await startRemote(t, (request, response) => { response.end(request.url?.includes('EventCapsule') === true ? open : good) })
  const repository = await openSchemas({ directories: [], remote: { template, cacheDir: t.testdir() }, log: testContext().log })

  t.ok(await repository.fetch('EventCapsule', 999_999))
  await repository.reload()
  const schema = await repository.fetch('Known', 1)

  t.ok(repository.find('EventCapsule', 999_999))
  t.match(schema !== undefined && !isRefused(schema) && schema.validate(capsuleOf('Known', { a: 1 }, { extra: 1 })), { message: /\/extra: not a field of the capsule/ })
})

t.test('what is remembered, and what is held, is bounded', async t => {
  const { template, requests } = await startRemote(t)
  const ctx = testContext()
  const remote = createRemoteSchemas({ template, cacheDir: t.testdir() }, () => 0, ctx.log)

  for (let i = 0; i <= 10_000; i++) remote.forget(`Nobody${i}`, 1)
  t.equal(remote.canFetch('Nobody0', 1), true, 'the oldest was dropped')
  t.equal(remote.canFetch('Nobody1', 1), false)

  const cacheDir = t.testdir({ Known: Object.fromEntries(Array.from({ length: 1998 }, (_, i) => [`${i + 1}.json`, good])) })
  const repository = await openSchemas({ directories: [], remote: { template, cacheDir }, log: ctx.log })
  t.ok(await repository.fetch('Known', 5001), 'the one before the last')
  await Promise.all([repository.fetch('Known', 5002), repository.fetch('Known', 5003)])
  t.strictSame(requests.length, 2)
  t.equal(repository.canFetch('Known', 5003), false)
  t.match(ctx.logged().at(-1), { level: 'warn', message: 'as many fetched schemas are held as may be; no more are looked up', most: 2000 })
})

t.test('a template that cannot work is the operator\'s mistake', async t => {
  const cases: Array<[string, RegExp]> = [
    ['https://e.org/{name}', /^--schemas-url "https:\/\/e.org\/\{name\}" lacks \{name\} or \{revision\}; write one like https:/],
    ['https://e.org/{revision}', /lacks/],
    ['/srv/{name}/{revision}', /is no http or https URL/],
    ['file:///srv/{name}/{revision}', /is no http or https URL/],
    ['https://{name}.e.org/{revision}', /in its host/],
    ['https://Schemas.example.org{name}/{revision}', /in its host/],
    ['https://me:secret@e.org/{name}/{revision}', /^--schemas-url: a URL with a password is not taken \(host e\.org\)/]
  ]
  for (const [template, message] of cases) {
    await t.rejects(openSchemas({ directories: [], remote: { template, cacheDir: t.testdir() }, log: testContext().log }), { name: 'ConfigError', code: 'bad-option', message }, template)
  }
  t.doesNotThrow(() => createRemoteSchemas({ template: 'https://e.org/w/index.php?title=Schema:{name}&oldid={revision}&action=raw', cacheDir: '/nowhere' }, () => 0, testContext().log))
})

t.test('nothing compressed is asked for, and what is compressed all the same is not read', async t => {
  const asked: unknown[] = []
  const { template } = await startRemote(t, (request, response) => {
    asked.push(request.headers['accept-encoding'])
    response.setHeader('Content-Encoding', 'gzip').end(gzipSync(good))
  })
  const ctx = testContext()
  const repository = await openSchemas({ directories: [], remote: { template, cacheDir: t.testdir() }, log: ctx.log })

  t.equal(await repository.fetch('Known', 1), undefined)
  t.strictSame(asked, [undefined])
  t.match(ctx.logged().at(-1), { level: 'warn', reason: 'content-encoding gzip was not asked for' })
})

t.test('large documents count as several', async t => {
  const large = JSON.stringify({ properties: { a: { type: 'integer' } }, description: 'x'.repeat(200_000) })
  const { template, requests } = await startRemote(t, (_request, response) => { response.end(large) })
  const cacheDir = t.testdir({ Known: Object.fromEntries(Array.from({ length: 153 }, (_, i) => [`${i + 1}.json`, large])) })
  const ctx = testContext()
  const repository = await openSchemas({ directories: [], remote: { template, cacheDir, lookupsPerSecond: 100 }, log: ctx.log })

  t.ok(await repository.fetch('Known', 5001))
  t.equal(await repository.fetch('Known', 5002), undefined)
  t.equal(requests.length, 1)
  t.match(ctx.logged().at(-1), { level: 'warn', message: 'as many fetched schemas are held as may be; no more are looked up' })
})
