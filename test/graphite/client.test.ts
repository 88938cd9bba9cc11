import t from 'tap'
import { GraphiteClient } from '../../lib/graphite/client.js'
import { sendSeries, startRenderServer } from '../helpers/render-server.js'

const window = { from: '-15min', until: 'now' }
const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0])

t.test('series have their points, oldest first, nulls where nothing was measured', async t => {
  const server = await startRenderServer(t, response => { sendSeries(response, { a: [1, null, 2.5] }, '1400000040') })

  const series = await new GraphiteClient(server.url, 5000).series(['a', 'b'], window)

  t.strictSame(series, [{ target: 'a', points: [{ value: 1, time: 1399999860 }, { value: null, time: 1399999920 }, { value: 2.5, time: 1399999980 }] }])
  t.match(server.asked, [{ targets: ['a', 'b'], from: '-15min', until: 'now', format: 'json' }])
})

t.test('what is not finite was not measured', async t => {
  const server = await startRenderServer(t, response => { response.end('[{"target":"a","datapoints":[[1e9999,1],[-1e9999,2],[3,3]]}]') })

  const [series] = await new GraphiteClient(server.url, 5000).series(['a'], window)

  t.strictSame(series?.points.map(({ value }) => value), [null, null, 3])
})

t.test('a picture is a PNG, or an error', async t => {
  const good = await startRenderServer(t, response => { response.end(png) })
  const bad = await startRenderServer(t, response => { response.end('<html>') })

  t.strictSame(await new GraphiteClient(good.url, 5000).picture(['a'], { ...window, title: 'A' }), png)
  t.match(good.asked, [{ format: 'png' }])
  await t.rejects(new GraphiteClient(bad.url, 5000).picture(['a'], window), { name: 'StreamError', code: 'cannot-read', message: /^Graphite sent something else than a PNG, at http:/ })
})

t.test('name and password in the URL are sent, and never said', async t => {
  const server = await startRenderServer(t, response => { response.writeHead(403).end() })
  const client = new GraphiteClient(server.url.replace('//', '//me:p%40ss@'), 5000)

  await t.rejects(client.series(['a'], window), { name: 'StreamError', message: `Graphite answered 403, at ${server.url}` })
  t.equal(server.asked[0]?.authorization, `Basic ${Buffer.from('me:p@ss').toString('base64')}`)
})

t.test('a path before /render stays', async t => {
  const server = await startRenderServer(t, response => { response.end('[]') })

  t.strictSame(await new GraphiteClient(`${server.url}/graphite`, 5000).series(['a'], window), [])
  t.equal(server.asked[0]?.path, '/graphite/render')
})

t.test('a caller that stops does not wait for the answer', async t => {
  const stop = new AbortController()
  const server = await startRenderServer(t, () => { stop.abort() })

  await t.rejects(new GraphiteClient(server.url, 60_000, stop.signal).series(['a'], window), { name: 'StreamError', code: 'stopped' })
})
